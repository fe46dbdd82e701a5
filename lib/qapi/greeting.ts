/** The first thing a monitor says. @see QEMU docs/interop/qmp-spec.rst, "Server Greeting" */
export interface QmpGreeting {
  readonly version: QemuVersion;
  /** What the monitor offers; an open list. Today's QEMU knows only `oob`. */
  readonly capabilities: readonly string[];
}

/** @see QEMU qapi/control.json, VersionInfo. `package` is the distribution's own text, often empty: untrusted. */
export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  readonly package: string;
}

/** "7.2.22", without the distribution's package text. */
export function formatQemuVersion(version: QemuVersion): string {
  return `${version.major}.${version.minor}.${version.micro}`;
}
