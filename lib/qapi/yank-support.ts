import type { QemuVersion } from "../vm/report.ts";

/** Before 7.1 a yank of an NBD node or a migration races with its reconnect over state that nothing locks. */
export function isUnderMinimum({ major, minor }: Pick<QemuVersion, "major" | "minor">): boolean {
  return major < 7 || (major === 7 && minor < 1);
}
