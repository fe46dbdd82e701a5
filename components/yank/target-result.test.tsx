import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { ActTarget } from "#lib/yank/act";
import { LiveProvider } from "../realtime/live-clock.tsx";
import { actRecord } from "../testing/fixtures.ts";
import { TargetResult } from "./target-result.tsx";

function show(part: Partial<ActTarget>) {
  const act = actRecord({ state: "accepted", verdict: "recovered", recoveredAfterMs: 6, isFinal: true });
  const [target] = act.targets;
  render(
    <LiveProvider renderedAtMs={0}>
      <TargetResult act={act} target={{ ...target!, sentAtMs: 0, ...part }} />
    </LiveProvider>,
  );
}

test("what to do now is said with its commands, in order, and nothing there runs them", () => {
  const nextSteps = [
    { text: "add a node in the place of nbd0", commands: ['{"execute": "blockdev-add"}', '{"execute": "blockdev-reopen"}'] },
    { text: "let the guest go on", commands: ['{"execute": "cont"}'] },
  ];
  show({ nextSteps, recoveredParts: ["main-loop"] });
  const steps = screen.getByRole("list", { name: "What now, in this order" });
  expect(steps.textContent).toContain('{"execute": "blockdev-add"}\n{"execute": "blockdev-reopen"}');
  expect(screen.getAllByRole("button").map((button) => button.getAttribute("aria-label"))).toEqual(
    nextSteps.map(({ text }) => `Copy the commands: ${text}`),
  );
  expect(screen.getByText("Came back: the main loop")).toBeTruthy();
});

test("a hang that came back stands above the verdict that was final", () => {
  show({ amendments: [{ atMs: 23_000, verdict: "rehung", text: "hung again 23 s after the yank: ser0 reconnected to the same peer" }] });
  expect(screen.getByRole("status", { name: "Result" }).textContent).toBe("Recovered, then hung again");
  expect(screen.getByText(/hung again 23 s after the yank/)).toBeTruthy();
});

test("an act without effect does not read recovered, and says why where that is known", () => {
  show({ verdict: "no-visible-effect", recoveredAfterMs: undefined, detail: "nbd0 waits to reconnect, and yank does not reach that" });
  expect(screen.getByRole("status", { name: "Result" }).textContent).toBe("Accepted, no visible effect");
  expect(screen.getByText(/yank does not reach that/)).toBeTruthy();
});
