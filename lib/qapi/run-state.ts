/** @see QEMU qapi/run-state.json, RunState. */
export const RUN_STATES = [
  "debug",
  "inmigrate",
  "internal-error",
  "io-error",
  "paused",
  "postmigrate",
  "prelaunch",
  "finish-migrate",
  "restore-vm",
  "running",
  "save-vm",
  "shutdown",
  "suspended",
  "watchdog",
  "guest-panicked",
  "colo",
] as const;

/** An open enum: a value that a newer QEMU invents is kept and shown as it came. */
export type RunState = (typeof RUN_STATES)[number] | (string & {});

/** Run states in which the guest was stopped by something that went wrong. */
export const GUEST_STOPPED_RUN_STATES = ["io-error", "internal-error", "guest-panicked", "watchdog"] as const;
export type GuestStoppedRunState = (typeof GUEST_STOPPED_RUN_STATES)[number];

export function isGuestStopped(runState: RunState): runState is GuestStoppedRunState {
  return (GUEST_STOPPED_RUN_STATES as readonly string[]).includes(runState);
}
