import { isTerminalMigration } from "#lib/qapi/migration";
import type { ConnectionState, InstanceReport, NotYankable, Serves } from "#lib/vm/instance";
import type { MigrationReport } from "#lib/vm/report";
import type { DescribeContext } from "./describe-instances.ts";
import { migrationFarSide } from "./far-side.ts";

/** A migration status older than this may not be the status any more: it then refuses nothing. */
const MIGRATION_SAMPLE_IS_FRESH_MS = 3_000;

/** The one migration of a VM: which way it goes, how far it is, and where to. */
export function describeMigration(context: DescribeContext): Omit<InstanceReport, "instance"> {
  const { migration } = context;
  return {
    serves: servesOfMigration(migration),
    farSide: migration?.uri === undefined ? undefined : migrationFarSide(migration.uri, context.hostKey ?? ""),
    connection: migration ? migrationConnection(migration) : "unknown",
    ...(migration ? { connectionHow: `by its status, ${migration.status}` } : {}),
    isMonitor: false,
    yankable: migration ? migrationYankable(migration) : true,
  };
}

function servesOfMigration(migration: MigrationReport | undefined): Serves {
  switch (migration?.direction) {
    case "outgoing":
      return { kind: "migration-out", how: howText("outgoing", migration) };
    case "incoming":
      return { kind: "migration-in", how: howText("incoming", migration) };
    case "unknown":
    case undefined:
      return { kind: "unknown" };
  }
}

function howText(direction: string, { status, channel, uri }: MigrationReport): string {
  const way = uri ?? (channel === undefined ? undefined : `${channel}, its address not told`);
  return way === undefined ? `${direction}, status ${status}` : `${direction}, status ${status}, over ${way}`;
}

function migrationConnection(migration: MigrationReport): ConnectionState {
  if (migration.status === "setup") return "connecting";
  if (migration.status === "postcopy-paused") return "disconnected";
  if (migration.direction === "incoming" && migration.status === "none") return "listening";
  return isTerminalMigration(migration.status) ? "disconnected" : "connected";
}

/** @see facts sheet 6.3: the situations in which yank is accepted and cuts nothing */
function migrationYankable(migration: MigrationReport): true | NotYankable {
  const kind = migration.channel ?? migration.uri?.split(":", 1)[0];
  if (kind === "exec" || kind === "file") {
    return { code: "nothing-connected", text: `a migration to ${kind}: has no connection that yank could cut` };
  }
  if (migration.sampleAgeMs > MIGRATION_SAMPLE_IS_FRESH_MS) return true;
  if (migration.status === "setup") {
    return { code: "nothing-connected", text: "the migration is still connecting (setup): yank has nothing to cut yet; cancel it instead" };
  }
  if (migration.status === "postcopy-paused") {
    return { code: "nothing-connected", text: "the postcopy migration is paused: its connection is down already; recover it instead" };
  }
  return true;
}
