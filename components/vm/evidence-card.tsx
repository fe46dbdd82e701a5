import type { InstanceView, VmDetail } from "#lib/api/vm";
import { instanceKey, instanceName } from "#lib/vm/instance";
import type { AsOf } from "../realtime/freshness.ts";
import { Age } from "../ui/age.tsx";
import { Card } from "../ui/card.tsx";
import { evidenceText } from "./evidence-lines.ts";

/** What was read, in words: of the VM as a whole, and of each of its instances with the age of the reading. */
export function EvidenceCard({ vm, asOf }: { vm: VmDetail; asOf: AsOf }) {
  const measured = vm.instances.filter((report) => report.clues.length > 0);
  return (
    <Card title="Evidence" aside={asOf.hasOldReadings ? "as it was when last heard" : undefined}>
      {vm.evidence.length === 0 ? (
        <p>{vm.health.kind === "healthy" ? "Nothing speaks against it" : "No reading speaks for or against it yet"}</p>
      ) : (
        <ul className="grid gap-1.5">
          {vm.evidence.map((line) => (
            <li key={`${line.code} ${line.text}`} className="wrap-anywhere text-strong first-letter:uppercase">
              {evidenceText(line, vm.lanes, asOf)}
            </li>
          ))}
        </ul>
      )}
      {measured.map((report) => (
        <Measured key={instanceKey(report.instance)} report={report} />
      ))}
      {vm.notices.length > 0 && (
        <ul aria-label="Notices" className="mt-3 grid gap-1.5 border-t border-line pt-3">
          {vm.notices.map((notice) => (
            <li key={notice} className="wrap-anywhere">
              {notice}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Measured({ report }: { report: InstanceView }) {
  const name = instanceName(report.instance);
  return (
    <div className="mt-3 border-t border-line pt-3">
      <h3 className="text-sm text-body">{name}</h3>
      <ul aria-label={`Readings of ${name}`}>
        {report.clues.map((clue) => (
          <li key={`${clue.code} ${clue.text}`} className="flex items-baseline justify-between gap-4 py-0.5">
            <span className="min-w-0 wrap-anywhere text-strong first-letter:uppercase">{clue.text}</span>
            <span className="shrink-0 text-xs text-quiet">
              read <Age atMs={clue.atMs} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
