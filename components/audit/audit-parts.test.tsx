import { fireEvent, render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { AuditState } from "#lib/audit/chain-state";
import { vmSummary } from "../testing/fixtures.ts";
import { NO_FILTER } from "./audit-filter.ts";
import type { AuditFilter } from "./audit-filter.ts";
import { AuditSearch } from "./audit-search.tsx";
import { ChainNotice } from "./chain-notice.tsx";

const intact: AuditState = {
  writer: "hub-1",
  head: { sequence: 14, hash: "ab".repeat(32) },
  check: { isIntact: true, firstSequence: 1, throughSequence: 12, atMs: Date.UTC(2026, 10, 25, 9), notes: [] },
  isChecking: false,
};

test("a record that verifies says through which row and when", () => {
  render(<ChainNotice state={intact} />);
  expect(screen.getByRole("status").textContent).toContain("Verified through row 12 at 2026-11-25 09:00:00");
});

test("a record that does not verify is loud, and names the first bad row", () => {
  const fault = { writer: "hub-1", sequence: 7, kind: "missing" as const, text: "row 7 is missing" };
  render(<ChainNotice state={{ ...intact, check: { ...intact.check!, isIntact: false, fault } }} />);
  expect(screen.getByRole("alert").textContent).toContain("This record is not as it was written, from row 7 on");
  expect(screen.getByRole("alert").textContent).toContain("row 7 is missing");
});

test("a search is made when it is asked for, with everything that was chosen", () => {
  const searched: AuditFilter[] = [];
  render(
    <AuditSearch filter={NO_FILTER} vms={[vmSummary({ vmId: "vm0001", name: "db-07" })]} onSearch={(filter) => searched.push(filter)} />,
  );
  fireEvent.change(screen.getByLabelText("Words"), { target: { value: "nbd0" } });
  fireEvent.change(screen.getByLabelText("Kind"), { target: { value: "act-intended" } });
  fireEvent.change(screen.getByLabelText("VM"), { target: { value: "vm0001" } });
  fireEvent.change(screen.getByLabelText("Since, UTC"), { target: { value: "2026-11-25T09:00" } });
  expect(searched).toEqual([]);
  fireEvent.click(screen.getByRole("button", { name: "Search the record" }));
  fireEvent.click(screen.getByRole("button", { name: "Show all" }));
  expect(searched).toEqual([{ ...NO_FILTER, q: "nbd0", type: "act-intended", vmId: "vm0001", since: "2026-11-25T09:00" }, NO_FILTER]);
});
