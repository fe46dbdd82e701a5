import { assertNever } from "../assert-never.ts";
import type { InstanceReport } from "../vm/instance.ts";

/**
 * Whether a yank of this instance is accepted and cuts nothing, because nothing is connected. The plan's effect says so
 * and its bindings hold it to that, so both ask here. Never for a migration: what a yank does to one hangs on its status,
 * which plans bind by itself.
 * @see facts sheet 1: a block node that is being connected is out of yank's reach, a chardev that is being connected is not
 */
export function hasNothingToCut({ instance, connection }: Pick<InstanceReport, "instance" | "connection">): boolean {
  if (instance.type === "migration") return false;
  switch (connection) {
    case "listening":
    case "disconnected":
    case "given-up":
    case "reconnecting":
      return true;
    case "connecting":
      return instance.type !== "chardev";
    case "connected":
    case "unknown":
      return false;
    default:
      return assertNever(connection);
  }
}
