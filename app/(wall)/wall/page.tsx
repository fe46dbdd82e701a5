import type { Metadata } from "next";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import { WallScreen } from "../../../components/wall/wall-screen.tsx";
import { askHub } from "../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Wall" };

/** A larger fleet is not written into the page; the browser fetches it compressed, and once. */
const MAX_SEEDED_VMS = 600;

export default async function WallPage() {
  const [fleet, incidents] = await Promise.all([askHub<FleetSnapshot>("/vms"), askHub<IncidentList>("/incidents")]);
  // Where the hub could not answer there is nobody to press a button: the wall says so, and asks again by itself.
  return (
    <WallScreen
      fleetSeed={fleet.ok && fleet.data.vms.length <= MAX_SEEDED_VMS ? fleet.data : undefined}
      incidentsSeed={incidents.ok ? incidents.data : undefined}
    />
  );
}
