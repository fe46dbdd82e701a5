import { assertNever } from "#lib/assert-never";
import type { InstanceView, MigrationView } from "#lib/api/vm";
import { isPostcopy } from "#lib/qapi/migration";
import type { ConnectionState, Serves } from "#lib/vm/instance";
import { servesName } from "#lib/vm/serves-words";
import { hasNothingToCut } from "#lib/yank/nothing-to-cut";
import { formatBinaryBytes } from "../ui/format.ts";

/** With all that is known of it: "guest disk vda, 200 GiB, read-only". */
export function servesInFull(serves: Serves): string {
  const parts = [servesName(serves)];
  if (serves.sizeBytes !== undefined) parts.push(formatBinaryBytes(serves.sizeBytes));
  if (serves.isReadOnly !== undefined) parts.push(serves.isReadOnly ? "read-only" : "read-write");
  return parts.join(", ");
}

const CONNECTION_WORD: Record<ConnectionState, string> = {
  connected: "connected",
  connecting: "still connecting",
  reconnecting: "waits to reconnect",
  listening: "listening, nobody connected",
  "given-up": "not connected, and not trying again",
  disconnected: "not connected",
  unknown: "connection not known",
};

export function connectionWords(connection: ConnectionState): string {
  return CONNECTION_WORD[connection];
}

/** What the guest feels when its disk fails; undefined where it is not a disk or the policy was not read. */
export function errorPolicyWords({ werror, rerror, isReadOnly }: Serves): string | undefined {
  const policy = isReadOnly ? rerror : werror;
  if (policy === undefined) return undefined;
  const name = `${isReadOnly ? "rerror" : "werror"}=${policy}`;
  switch (policy) {
    case "stop":
      return `an error stops the guest (${name})`;
    case "ignore":
      return `errors are kept from the guest (${name})`;
    case "report":
    case "enospc":
      return `the guest sees errors (${name})`;
    default:
      return assertNever(policy);
  }
}

/**
 * What cutting it costs, short, for a first look: the plan says it in full before anything is sent.
 * `strong` is the consequence, `text` what follows from it.
 */
export function costOfCut(report: InstanceView, migration?: MigrationView): { strong: string; text: string } {
  if (hasNothingToCut(report)) return { strong: "Nothing: a yank would not reach it", text: CONNECTION_WORD[report.connection] };
  const { serves } = report;
  switch (serves.kind) {
    case "guest-disk":
    case "replication":
      return {
        strong: "The disk answers errors until its node is replaced",
        text: errorPolicyWords(serves) ?? "the guest's error policy is not known",
      };
    case "job-source":
    case "job-target":
      return { strong: "The job ends with an error", text: "its node answers errors until it is replaced; the guest goes on" };
    case "migration-out":
    case "migration-in":
      return costOfMigration(serves.kind === "migration-in", migration);
    case "tpm":
      return { strong: "The guest loses its TPM", text: "QEMU does not reconnect it" };
    default:
      if (report.isServer) return { strong: "Its reader is disconnected", text: "it listens again at once" };
      if (report.reconnectMs) return { strong: "It is disconnected", text: "it reconnects by itself, to the same far side" };
      return { strong: "It stays disconnected", text: "until somebody reconnects it" };
  }
}

function costOfMigration(isIncoming: boolean, migration: MigrationView | undefined): { strong: string; text: string } {
  if (migration && isPostcopy(migration.status)) {
    return { strong: "The postcopy pauses on both sides", text: "the guest's state is on both hosts: the source must never be restarted" };
  }
  if (migration?.channel === "exec" || migration?.channel === "file") {
    return { strong: "Nothing: a yank does not reach it", text: `its bytes go through ${migration.channel}:` };
  }
  if (isIncoming) return { strong: "This incoming VM ends", text: "the process exits; the source goes on" };
  return { strong: "The migration fails", text: "the guest goes on here; it has to be started again" };
}
