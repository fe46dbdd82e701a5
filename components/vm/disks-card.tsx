import type { DiskView } from "#lib/api/vm";
import type { AsOf } from "../realtime/freshness.ts";
import { Age } from "../ui/age.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { formatCount, formatNumber } from "../ui/format.ts";

/** Work on the guest's disks, from counters that QEMU keeps: what waits, since when, and what was ever done. */
export function DisksCard({ disks, nodes, asOf }: { disks: readonly DiskView[]; nodes: readonly string[]; asOf: AsOf }) {
  const until = asOf.isStale ? asOf.asOfMs : undefined;
  return (
    <Card title="Disks" isFlush>
      <ul className={cx(asOf.isStale && "is-stale")}>
        {disks.map((disk) => {
          const isStalled = disk.nodeName !== undefined && nodes.includes(disk.nodeName);
          return (
            <li key={disk.device} className="flex flex-wrap items-baseline gap-x-4 border-b border-line px-4 py-2.5 last:border-b-0">
              <p className="min-w-0 flex-1 basis-40 wrap-anywhere">
                <span className="font-semibold text-strong">{disk.device}</span>{" "}
                {disk.nodeName !== undefined && <span className="text-quiet">{disk.nodeName}</span>}
                <span className="block text-sm">
                  {formatNumber(disk.completedCount)} done since QEMU started
                  {disk.stillSinceAtMs !== undefined && (
                    <>
                      , none for <Age atMs={disk.stillSinceAtMs} until={until} suffix="" />
                    </>
                  )}
                </span>
              </p>
              <p className={cx("text-right", isStalled || isWaiting(disk) ? "font-semibold text-io" : "text-body")}>
                {disk.outstandingCount === undefined ? (
                  "requests not readable"
                ) : disk.outstandingCount === 0 ? (
                  "nothing waits"
                ) : (
                  <>
                    {formatCount(disk.outstandingCount, "request")} in use
                    {disk.outstandingSinceAtMs !== undefined && (
                      <>
                        {" "}
                        for <Age atMs={disk.outstandingSinceAtMs} until={until} suffix="" />
                      </>
                    )}
                  </>
                )}
              </p>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function isWaiting({ outstandingCount = 0, outstandingSinceAtMs }: DiskView): boolean {
  return outstandingCount > 0 && outstandingSinceAtMs !== undefined;
}
