import type { CorpusCase } from "./truth.ts";

const NBD0 = "block-node:nbd0";
const NBD1 = "block-node:nbd1";
const CONSOLE = "chardev:console0";
const NBD_LATE = "block-node:nbd-late";
const MIGRATION = "migration";

/** Every case is run on every QEMU. Detail and helps are what an operator has to read; see `docs/diagnosis.md`. */
export const CASES: readonly CorpusCase[] = [
  // Main loop hung, and one connection holds it.
  {
    id: "nbd-hang",
    scenario: "nbd-hang",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      detail: "in-reach",
      suspect: NBD0,
      serves: "guest-disk",
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "nbd-hang-tcp",
    scenario: "nbd-hang-tcp",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      detail: "in-reach",
      suspect: NBD0,
      serves: "guest-disk",
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "nbd-hang-reset",
    scenario: "nbd-hang-reset",
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD0,
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "nbd-hang-quit",
    scenario: "nbd-hang-quit",
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD0,
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "bitmap-query",
    scenario: "bitmap-query-hang",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD0,
      serves: "guest-disk",
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "unplug-dead",
    scenario: "unplug-dead-node",
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD1,
      serves: "nothing",
      yank: { key: NBD1, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "mirror-dies",
    scenario: "mirror-target-dies",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD0,
      serves: "job-target",
      yank: { key: NBD0, does: "ends" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "two-disks-hang",
    scenario: "two-disks-hang",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD1,
      serves: "guest-disk",
      yank: { key: NBD1, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  {
    id: "console-hang",
    scenario: "console-hang",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: CONSOLE,
      serves: "debug-console",
      yank: { key: CONSOLE, does: "comes-back" },
      helps: ["yank", "heal-far-side"],
    },
  },
  {
    id: "console-rehang",
    scenario: "console-rehang",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: CONSOLE,
      serves: "debug-console",
      yank: { key: CONSOLE, does: "comes-back" },
      helps: ["yank", "heal-far-side"],
    },
  },
  {
    id: "switchover-hang",
    scenario: "migration-switchover-hang",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: MIGRATION,
      yank: { key: MIGRATION, does: "ends" },
      helps: ["yank", "heal-far-side"],
    },
  },
  {
    id: "switchover-stops",
    scenario: "stopped-switchover",
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: MIGRATION,
      yank: { key: MIGRATION, does: "ends" },
      helps: ["yank", "heal-far-side"],
    },
  },
  {
    id: "crowd",
    scenario: "nbd-crowd",
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD0,
      serves: "guest-disk",
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank", "wait"],
    },
  },
  // Main loop hung, and no yank helps.
  {
    id: "nbd-reconnect",
    scenario: "nbd-reconnecting",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD0,
      serves: "guest-disk",
      connection: "reconnecting",
      yank: { key: NBD0, does: "nothing" },
      helps: ["heal-far-side", "wait"],
    },
  },
  {
    id: "blockdev-add",
    scenario: "blockdev-add-frozen",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      suspect: NBD_LATE,
      yank: { key: NBD_LATE, does: "nothing" },
      helps: ["heal-far-side", "wait"],
    },
  },
  {
    id: "exec-migration",
    scenario: "exec-migration",
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      maySuspect: MIGRATION,
      yank: { key: MIGRATION, does: "refused" },
      helps: ["end-child"],
    },
  },
  {
    id: "fifo",
    scenario: "fifo-block",
    isFast: true,
    truth: { kind: "trouble", verdict: "main-loop-hung", helps: ["heal-storage", "restart-vm", "as-the-reason-says"] },
  },
  {
    id: "late",
    scenario: "late-negotiation",
    startsBroken: true,
    truth: {
      kind: "trouble",
      verdict: "main-loop-hung",
      detail: "out-of-reach",
      onTheWay: ["unreachable", "monitor-busy"],
      helps: ["as-the-reason-says", "heal-far-side"],
    },
  },
  // I/O stalled while the monitor lives.
  {
    id: "io-stall",
    scenario: "io-stall",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "io-stalled",
      suspect: NBD0,
      serves: "guest-disk",
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank"],
    },
  },
  {
    id: "io-stall-unix",
    scenario: "io-stall-unix",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "io-stalled",
      suspect: NBD0,
      serves: "guest-disk",
      yank: { key: NBD0, does: "one-way" },
      helps: ["heal-far-side", "yank"],
    },
  },
  {
    id: "two-disks-stall",
    scenario: "two-disks-stall",
    truth: {
      kind: "trouble",
      verdict: "io-stalled",
      suspect: NBD1,
      serves: "guest-disk",
      yank: { key: NBD1, does: "one-way" },
      helps: ["heal-far-side", "yank"],
    },
  },
  {
    id: "quorum",
    scenario: "quorum-child",
    truth: { kind: "trouble", verdict: "io-stalled", suspect: NBD0, helps: ["heal-far-side", "yank"] },
  },
  {
    id: "throttle",
    scenario: "throttled-disk",
    isFast: true,
    truth: { kind: "trouble", verdict: "io-stalled", helps: ["heal-storage"] },
  },
  {
    id: "throttle-nbd",
    scenario: "throttled-nbd",
    truth: { kind: "trouble", verdict: "io-stalled", yank: { key: NBD0, does: "one-way" }, helps: ["heal-storage"] },
  },
  // Migration.
  {
    id: "migration-stall",
    scenario: "migration-stall",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "migration-stalled",
      suspect: MIGRATION,
      yank: { key: MIGRATION, does: "ends" },
      helps: ["cancel-migration"],
    },
  },
  {
    id: "migration-setup",
    scenario: "migration-connecting",
    truth: {
      kind: "trouble",
      verdict: "migration-stalled",
      detail: "setup",
      suspect: MIGRATION,
      yank: { key: MIGRATION, does: "refused" },
      helps: ["cancel-migration"],
    },
  },
  {
    id: "incoming-stall",
    scenario: "destination-yanked",
    truth: {
      kind: "trouble",
      verdict: "migration-stalled",
      // A destination is started afresh for each migration.
      onTheWay: ["unreachable"],
      suspect: MIGRATION,
      yank: { key: MIGRATION, does: "loses-state" },
      helps: ["heal-far-side", "cancel-migration", "wait"],
    },
  },
  {
    id: "postcopy-stall",
    scenario: "postcopy-stall",

    truth: {
      kind: "trouble",
      verdict: "migration-stalled",
      suspect: MIGRATION,
      yank: { key: MIGRATION, does: "loses-state" },
      helps: ["heal-far-side", "pause-postcopy", "wait"],
      heals: false,
    },
  },
  {
    id: "postcopy-cut",
    scenario: "postcopy-cut",
    truth: {
      kind: "trouble",
      verdict: "migration-stalled",
      detail: "postcopy-paused",
      yank: { key: MIGRATION, does: "refused" },
      helps: ["recover-postcopy"],
      heals: false,
    },
  },
  {
    id: "migration-unseen",
    scenario: "migration-unseen",
    truth: { kind: "quiet", worst: "slow", helps: ["check-destination"] },
  },
  // The process, the guest, the monitor.
  {
    id: "stopped",
    scenario: "process-stopped",
    isFast: true,
    truth: { kind: "trouble", verdict: "silent", detail: "stopped", helps: ["continue-process"] },
  },
  {
    id: "frozen",
    scenario: "cgroup-frozen",
    truth: { kind: "trouble", verdict: "silent", detail: "frozen", helps: ["thaw-cgroup"] },
  },
  {
    id: "killed",
    scenario: "process-killed",
    isFast: true,
    truth: { kind: "trouble", verdict: "unreachable", detail: "process-gone", helps: ["restart-vm"] },
  },
  {
    id: "no-oob",
    scenario: "no-oob",
    truth: {
      kind: "trouble",
      verdict: "silent",
      detail: "no-oob",
      maySuspect: NBD0,
      yank: { key: NBD0, does: "refused" },
      helps: ["heal-far-side", "give-monitor"],
    },
  },
  {
    id: "busy-monitor",
    scenario: "monitor-busy",
    truth: { kind: "trouble", verdict: "monitor-busy", helps: ["free-monitor"], onTheWay: ["unreachable"] },
  },
  {
    id: "io-error",
    scenario: "disk-error-stop",
    isFast: true,
    truth: {
      kind: "trouble",
      verdict: "guest-stopped",
      detail: "io-error",
      suspect: NBD0,
      yank: { key: NBD0, does: "nothing" },
      helps: ["as-the-reason-says", "heal-far-side"],
    },
  },
  {
    id: "panicked",
    scenario: "guest-panicked",
    isFast: true,
    truth: { kind: "trouble", verdict: "guest-stopped", detail: "guest-panicked", helps: ["as-the-reason-says", "restart-vm"] },
  },
  // What ends by itself.
  { id: "long-stop", scenario: "long-stop", truth: { kind: "passing", verdict: "main-loop-hung" } },
  { id: "long-read", scenario: "long-read", truth: { kind: "passing", verdict: "io-stalled" } },
  { id: "slow-drain", scenario: "slow-drain", truth: { kind: "passing", verdict: "main-loop-hung" } },
  // Healthy, however hard it works.
  { id: "slow-stop", scenario: "slow-stop", isFast: true, truth: { kind: "quiet", worst: "slow" } },
  { id: "slow-read", scenario: "slow-read", isFast: true, truth: { kind: "quiet", worst: "slow" } },
  { id: "slow-switchover", scenario: "slow-switchover", truth: { kind: "quiet", worst: "slow" } },
  { id: "not-converging", scenario: "not-converging", watchMs: 20_000, truth: { kind: "quiet", worst: "slow", isNotConverging: true } },
  { id: "savevm", scenario: "savevm", isFast: true, truth: { kind: "quiet", worst: "slow" } },
  { id: "disk-snapshot", scenario: "disk-snapshot", truth: { kind: "quiet", worst: "slow" } },
  { id: "backup", scenario: "backup-start", truth: { kind: "quiet", worst: "slow" } },
  { id: "hot-plug", scenario: "hot-plug", truth: { kind: "quiet", worst: "slow" } },
  { id: "busy-host", scenario: "busy-host", isAlone: true, watchMs: 20_000, truth: { kind: "quiet", worst: "slow" } },
  { id: "reboot-loop", scenario: "reboot-loop", watchMs: 20_000, truth: { kind: "quiet", worst: "slow" } },
  { id: "migrating", scenario: "migration-pair", watchMs: 15_000, truth: { kind: "quiet", worst: "slow" } },
  { id: "paused", scenario: "paused", watchMs: 15_000, truth: { kind: "quiet", worst: "slow" } },
  { id: "idle-nbd", scenario: "nbd-disk", watchMs: 15_000, truth: { kind: "quiet", worst: "slow" } },
  { id: "serial", scenario: "serial-console", watchMs: 5_000, truth: { kind: "quiet", worst: "slow" } },
  // Its connection is gone for a moment, which may be said, and nothing is wrong with it.
  { id: "own-line", scenario: "own-line", truth: { kind: "quiet", worst: "slow", mayShow: ["unreachable"] } },
];
