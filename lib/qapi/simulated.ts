/** Stands in the `package` of a greeting, and nowhere in a real QEMU's: the peer is Ripcord's simulator. */
export const SIMULATOR_PACKAGE = "ripcord-simulator";

/** Whether a greeting's `package` says that there is no QEMU, and so no process, behind it. */
export function isSimulatedPackage(packageText: string): boolean {
  return packageText.includes(SIMULATOR_PACKAGE);
}
