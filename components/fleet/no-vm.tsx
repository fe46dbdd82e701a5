import { assertNever } from "#lib/assert-never";
import type { FleetSnapshot } from "#lib/api/vm";
import { ApiError } from "../queries/api.ts";
import { useIsBehind, useLink } from "../realtime/use-freshness.ts";
import { Button } from "../ui/button.tsx";
import { formatNumber } from "../ui/format.ts";
import { EmptyFleet } from "./empty-fleet.tsx";
import { emptyReason } from "./fleet-view.ts";

/** By the newest tick's word of the bridges: the snapshot's may be from before they came. */
export function NoVm({ fleet }: { fleet: FleetSnapshot }) {
  const { bridges } = useLink();
  const reason = emptyReason(bridges, useIsBehind(fleet));
  switch (reason) {
    case "reading":
      return <FleetLoading />;
    case "waiting":
      return (
        <div role="status" className="mt-10 text-center">
          <p className="font-semibold text-strong">
            {bridges.length === 1 ? "The bridge" : "No bridge"} of {bridges.map((bridge) => bridge.host).join(", ")} is
            {bridges.length === 1 ? " not" : ""} connected
          </p>
          <p className="mt-1">Nothing is known of any VM until {bridges.length === 1 ? "it" : "one"} is</p>
        </div>
      );
    case "no-bridge":
    case "none-found":
      return <EmptyFleet bridges={bridges} />;
    default:
      return assertNever(reason);
  }
}

/** @param total how many VMs there will be, where that is known already */
export function FleetLoading({ total }: { total?: number }) {
  return (
    <div role="status" className="mt-10 text-center">
      {total === undefined ? "Reading the fleet…" : `Reading all ${formatNumber(total)} VMs…`}
    </div>
  );
}

export function FleetError({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const isForbidden = error instanceof ApiError && error.status === 403;
  return (
    <div role="alert" className="mt-10 text-center">
      <p className="font-semibold text-strong">{isForbidden ? "You may not see the fleet from here" : "The fleet could not be read"}</p>
      <p className="mt-1 mb-4">
        {error.message}.{" "}
        {isForbidden
          ? "Open the address that Ripcord printed when it started, or ask who runs this hub"
          : "Nothing is known of any VM here until it can"}
      </p>
      <Button onClick={onRetry}>Read it again</Button>
    </div>
  );
}

/** VMs there are, and none of them fits what was chosen. */
export function NoMatch({ search, facetCount, hasVerdictOnly, total, onShowAll }: NoMatchProps) {
  const what = facetCount === 0 ? "" : hasVerdictOnly ? " with this verdict" : " with these filters";
  return (
    <div role="status" className="mt-10 text-center">
      <p className="text-strong">
        {search ? `No VM matches “${search}”${what}` : hasVerdictOnly ? "No VM has this verdict now" : "No VM fits these filters now"}
      </p>
      <p className="mt-1 mb-4">
        Looked at {formatNumber(total)} VMs: name, host, address, tags, far side, suspect, verdict, run state, version and launcher
      </p>
      <Button onClick={onShowAll}>Show all</Button>
    </div>
  );
}

interface NoMatchProps {
  search: string;
  facetCount: number;
  hasVerdictOnly: boolean;
  total: number;
  onShowAll: () => void;
}
