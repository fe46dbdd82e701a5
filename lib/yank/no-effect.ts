import { assertNever } from "../assert-never.ts";
import { isTerminalMigration } from "../qapi/migration.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { isOutOfYanksReach } from "./plannable-vm.ts";

/**
 * Why an accepted yank of these cut nothing that can be seen, where that is known; undefined where it is not. An accepted
 * yank says no more than that the names were registered.
 * @see facts sheet 1 and 2
 */
export function whyNoEffect(instances: readonly KnownYankInstance[], before: VmReport, now: VmReport | undefined): string | undefined {
  const reasons = instances.flatMap((instance) => whyOf(instance, before, now) ?? []);
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

function whyOf(instance: KnownYankInstance, before: VmReport, now: VmReport | undefined): string | undefined {
  const find = (report: VmReport | undefined) =>
    report?.instances.find((candidate) => instanceKey(candidate.instance) === instanceKey(instance));
  const then = find(before);
  switch (instance.type) {
    case "migration":
      return whyMigration(before);
    case "block-node":
    case "chardev":
      return (then && whyConnection(then)) ?? whyStill(find(now));
    default:
      return assertNever(instance);
  }
}

function whyConnection({ instance, connection }: InstanceReport): string | undefined {
  const name = instanceName(instance);
  switch (connection) {
    case "connecting":
      return instance.type === "chardev" ? undefined : `${name} was still being connected, which yank does not reach`;
    case "reconnecting":
      return `${name} was waiting to reconnect, which yank does not reach`;
    case "listening":
      return `nobody was connected to ${name}`;
    case "disconnected":
    case "given-up":
      return `${name} had no connection to cut`;
    case "connected":
    case "unknown":
      return undefined;
    default:
      return assertNever(connection);
  }
}

function whyStill(now: InstanceReport | undefined): string | undefined {
  const socket = now?.sockets?.find(({ state }) => state === "ESTAB");
  if (now === undefined || socket === undefined) return undefined;
  return `${instanceName(now.instance)} still has an established connection${socket.peer === undefined ? "" : ` to ${socket.peer}`}`;
}

function whyMigration({ migration }: VmReport): string | undefined {
  if (migration === undefined) return undefined;
  const { status, uri, channel, direction } = migration;
  if (isOutOfYanksReach(uri) || channel === "exec" || channel === "file") {
    return "its channel is not a connection of QEMU's own, so that there is nothing to shut down";
  }
  if (isTerminalMigration(status) && status !== "none") return `the migration was over already (${status})`;
  switch (status) {
    case "none":
    case "setup":
      return direction === "incoming" ? "no source was connected to it" : "the migration was still connecting, which yank does not reach";
    case "postcopy-paused":
      return "the migration was paused in postcopy, without a connection";
    case "pre-switchover":
      return "the migration waits in pre-switchover, and fails only when it is told to continue";
    default:
      return undefined;
  }
}
