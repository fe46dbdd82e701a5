import type { BridgeView } from "#lib/api/vm";
import type { DeadManConfig } from "#lib/config/notify-schema";

export interface WellnessOptions {
  bridges(): BridgeView[];
  needs: DeadManConfig["bridges"];
  /** Really writes to the record. @throws when it cannot */
  write(): Promise<void>;
}

/** Why this hub is not well, in words; undefined while it can do its work: it writes its record and hears its bridges. */
export async function notWell({ bridges, needs, write }: WellnessOptions): Promise<string | undefined> {
  const all = bridges();
  const lost = all.filter(({ isConnected, isSyncing }) => !isConnected || isSyncing);
  if (needs === "all" && lost.length > 0) return `${lost.length} of ${all.length} bridges are not heard`;
  if (needs === "any" && all.length > 0 && lost.length === all.length) return "no bridge is heard";
  try {
    await write();
  } catch {
    return "the record cannot be written";
  }
  return undefined;
}
