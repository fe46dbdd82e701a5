"use client";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useMemo } from "react";
import type { AuditRow } from "#lib/audit/events";
import type { AuditState } from "#lib/audit/chain-state";
import type { VmId } from "#lib/vm/report";
import { auditQuery, auditStateQuery } from "../queries/audit.ts";
import type { AuditPage } from "../queries/audit.ts";
import { fleetQuery } from "../queries/fleet.ts";
import { Screen } from "../shell/screen.tsx";
import { Button } from "../ui/button.tsx";
import { formatUtc } from "../ui/format.ts";
import { TextLink } from "../ui/text-link.tsx";
import { filterToQuery } from "./audit-filter.ts";
import type { AuditFilter } from "./audit-filter.ts";
import { AuditSearch } from "./audit-search.tsx";
import { auditWords, findRepeats } from "./audit-words.ts";
import { ChainNotice } from "./chain-notice.tsx";

interface AuditScreenProps {
  filter: AuditFilter;
  seed: AuditPage;
  stateSeed: AuditState | undefined;
}

/** The record: who did what when, newest first. Rows are never changed, and whether that holds is said above them. */
export function AuditScreen({ filter, seed, stateSeed }: AuditScreenProps) {
  const router = useRouter();
  const query = useInfiniteQuery({ ...auditQuery(filter), initialData: { pages: [seed], pageParams: [undefined] } });
  const { data: state } = useQuery({ ...auditStateQuery(), initialData: stateSeed });
  const { data: fleet } = useQuery(fleetQuery());
  const rows = useMemo(() => query.data.pages.flatMap((page) => page.rows), [query.data]);
  const vms = useMemo(() => (fleet?.vms ?? []).toSorted((left, right) => NAMES.compare(left.name, right.name)), [fleet?.vms]);
  const names = useMemo(() => new Map(vms.map((vm) => [vm.vmId, vm.name])), [vms]);
  const repeats = useMemo(() => findRepeats(rows), [rows]);
  return (
    <Screen heading={<h1 className="text-lg font-semibold text-strong">Audit</h1>}>
      <ChainNotice state={state} />
      <AuditSearch filter={filter} vms={vms} onSearch={(next) => router.push(`/audit${filterToQuery(next)}`)} />
      {rows.length === 0 ? (
        <p className="mt-10 text-center">{emptyWords(filter, query.hasNextPage)}</p>
      ) : (
        <table className="w-full border-collapse text-left max-md:block">
          <thead className="text-xs text-quiet max-md:sr-only">
            <tr className="border-b border-line">
              <th scope="col" className="h-9 w-56 pr-4 font-normal">
                When
              </th>
              <th scope="col" className="w-64 pr-4 font-normal">
                Who
              </th>
              <th scope="col" className="font-normal">
                What
              </th>
            </tr>
          </thead>
          <tbody className="max-md:block">
            {rows.map((row) => (
              <Row key={`${row.writer} ${row.sequence}`} row={row} repeatsFormer={repeats.has(row)} names={names} />
            ))}
          </tbody>
        </table>
      )}
      {query.hasNextPage && (
        <p className="mt-4 text-center">
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show older rows
          </Button>
        </p>
      )}
      {query.isError && (
        <p role="alert" className="mt-3 text-center">
          {query.error.message}
        </p>
      )}
    </Screen>
  );
}

const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function emptyWords(filter: AuditFilter, hasMore: boolean): string {
  if (filterToQuery(filter) === "") return "Nothing is in the record yet";
  return hasMore ? "None of the newest rows fits; older ones were not looked at yet" : "No row of the record fits";
}

function Row({ row, repeatsFormer, names }: { row: AuditRow; repeatsFormer: boolean; names: Map<VmId, string> }) {
  const { what, detail, command, vmId } = auditWords(row.event, repeatsFormer);
  return (
    <tr className="border-b border-line align-top max-md:block max-md:py-2">
      <td className="py-2 pr-4 whitespace-nowrap max-md:inline-block max-md:py-0 max-md:text-sm">
        {formatUtc(row.atMs, { withMilliseconds: true })}
      </td>
      <td className="py-2 pr-4 whitespace-nowrap max-md:inline-block max-md:py-0 max-md:text-sm">
        {row.who}
        {row.from && !row.who.includes(row.from) && <span className="text-quiet"> {row.from}</span>}
      </td>
      <td className="py-2 wrap-anywhere max-md:block max-md:py-0">
        <span className="font-semibold text-strong">{what}</span>
        {vmId && (
          <>
            {" · "}
            <TextLink href={`/vms/${vmId}`}>{names.get(vmId) ?? vmId}</TextLink>
          </>
        )}
        {command && <code className="block font-mono text-xs leading-5">{command}</code>}
        {detail && <span className="block text-sm">{detail}</span>}
      </td>
    </tr>
  );
}
