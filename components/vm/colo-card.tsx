import type { ColoView } from "#lib/api/vm";
import { Age } from "../ui/age.tsx";
import { Card } from "../ui/card.tsx";

/** One side of a COLO pair: which one, and whether somebody has to decide that it goes on alone. */
export function ColoCard({ colo }: { colo: ColoView }) {
  const { role, isFailoverDue, reason, atMs } = colo;
  return (
    <Card
      title="COLO"
      aside={
        <>
          read <Age atMs={atMs} />
        </>
      }
    >
      <p className="text-strong">
        This is the <span className="font-semibold">{role}</span> of a COLO pair
        {reason !== undefined && reason !== "none" && <span className="text-body"> · QEMU says: {reason}</span>}
      </p>
      <p className={isFailoverDue ? "font-semibold text-migration" : undefined}>
        {isFailoverDue
          ? "Failover is due: COLO ended by an error, and somebody has to decide which side goes on"
          : "No failover decision is waiting"}
      </p>
    </Card>
  );
}
