import type { Plan } from "#lib/yank/plan";
import { useNow } from "../realtime/live-clock.tsx";
import { Badge } from "../ui/badge.tsx";
import { formatAge } from "../ui/format.ts";

/** How long the plan can still be confirmed. */
export function PlanCountdown({ plan }: { plan: Plan }) {
  const now = useNow();
  const leftMs = plan.expiresAtMs - now;
  return <Badge>{leftMs > 0 ? `plan holds ${formatAge(leftMs)}` : "plan expired"}</Badge>;
}
