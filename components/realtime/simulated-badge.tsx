"use client";
import { Badge } from "../ui/badge.tsx";
import { useLink } from "./use-freshness.ts";

/** Says unmistakably that these VMs do not exist. */
export function SimulatedBadge() {
  const { bridges } = useLink();
  const simulated = bridges.filter((bridge) => bridge.isSimulated);
  if (simulated.length === 0) return null;
  return (
    <Badge tone="attention">
      {simulated.length === bridges.length ? "Simulated fleet" : `Simulated: ${simulated.map((bridge) => bridge.host).join(", ")}`}
    </Badge>
  );
}
