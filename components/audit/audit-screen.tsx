"use client";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { AuditRow } from "#lib/audit/events";
import type { VmId } from "#lib/vm/report";
import { fleetQuery } from "../queries/fleet.ts";
import { auditQuery } from "../queries/audit.ts";
import { Screen } from "../shell/screen.tsx";
import { formatUtc } from "../ui/format.ts";
import { TextLink } from "../ui/text-link.tsx";
import { auditWords, findRepeats } from "./audit-words.ts";

/** The record: who did what when, newest first. Rows are never changed. */
export function AuditScreen({ seed }: { seed: AuditRow[] }) {
  const { data: rows } = useQuery({ ...auditQuery(), initialData: seed });
  const { data: fleet } = useQuery(fleetQuery());
  const names = useMemo(() => new Map(fleet?.vms.map((vm) => [vm.vmId, vm.name])), [fleet?.vms]);
  const repeats = useMemo(() => findRepeats(rows), [rows]);
  return (
    <Screen heading={<h1 className="text-lg font-semibold text-strong">Audit</h1>}>
      {rows.length === 0 ? (
        <p className="mt-10 text-center">Nothing is in the record yet</p>
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
    </Screen>
  );
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
