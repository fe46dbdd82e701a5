import { isTerminalMigration } from "#lib/qapi/migration";
import { QmpCommandError } from "#server/qmp/errors";
import type { KnownVm } from "./known-vm.ts";
import { clipText, isRecord } from "./plain-data.ts";
import type { AskInBand } from "./ports.ts";

const MAX_VCPUS = 1_024;
const NO_UUID = "00000000-0000-0000-0000-000000000000";

/**
 * Reads who this VM is and whether it ever migrated, once per attach. A command that QEMU refuses leaves its answer out.
 * @throws whatever `ask` rejects with otherwise.
 */
export async function attachReads(ask: AskInBand, known: KnownVm, nowMonoMs: () => number): Promise<void> {
  const migration = await tryAsk(ask, "query-migrate");
  if (isRecord(migration) && migration["status"] !== undefined && migration["status"] !== "none") {
    known.migration.take(migration, known.runState?.value, nowMonoMs());
  }
  const name = await tryAsk(ask, "query-name");
  if (isRecord(name) && typeof name["name"] === "string" && name["name"] !== "") known.name = clipText(name["name"]);
  const uuid = await tryAsk(ask, "query-uuid");
  if (isRecord(uuid) && typeof uuid["UUID"] === "string" && uuid["UUID"] !== NO_UUID) known.uuid = clipText(uuid["UUID"], 64);
  known.vcpuTids = vcpuTids(await tryAsk(ask, "query-cpus-fast"));
}

function vcpuTids(value: unknown): number[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_VCPUS).flatMap((cpu: unknown) => {
    const tid = isRecord(cpu) ? cpu["thread-id"] : undefined;
    return typeof tid === "number" && Number.isSafeInteger(tid) && tid > 0 ? [tid] : [];
  });
}

/**
 * The capability `events` is VM-wide, and QEMU refuses to change capabilities while a migration runs; where one might,
 * it is left alone.
 */
export function needsMigrationEvents(known: KnownVm, isMigrationSuspected: boolean): boolean {
  if (isMigrationSuspected || known.hasMigrationInstance || known.runState?.value === "inmigrate") return false;
  const status = known.migrationIfAny?.status;
  return status === undefined || isTerminalMigration(status);
}

async function tryAsk(ask: AskInBand, command: string): Promise<unknown> {
  try {
    return await ask(command);
  } catch (error) {
    if (error instanceof QmpCommandError) return undefined;
    throw error;
  }
}
