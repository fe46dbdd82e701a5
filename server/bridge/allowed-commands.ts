/**
 * Every command that the bridge may ever write to a monitor, with the reason. A QMP socket is equal to the account that
 * runs QEMU, so nothing else passes, whoever asks. `qmp_capabilities` is the client's own.
 */
const COMMANDS = {
  // Probes.
  "query-status": "the in-band probe: no I/O, and it carries the run state",
  "query-yank": "the out-of-band probe: proves the monitor's thread alive, and lists what can be cut",
  // Identity, once per attach.
  "query-name": "what operators call the VM",
  "query-uuid": "ties the VM to other inventories",
  // Migration. None of the reads does I/O.
  "query-migrate": "status and byte counters of a migration that is known or suspected",
  "migrate-set-capabilities": "switches on `events` alone, and only where no migration runs",
  // Acts, each after an operator confirmed a plan.
  yank: "cuts the named connections",
  migrate_cancel: "the softer way out of a stalled precopy migration",
  "migrate-pause": "the softer way out of a stalled postcopy migration",
  // Topology, read only while the VM is well.
  "query-chardev": "which chardevs exist and whether they are connected",
  "query-block-jobs": "source and target of block jobs",
  "x-debug-query-block-graph": "what sits on a block node, without any I/O",
  "query-block": "guest disks and their nodes; can block on stalled storage, so `queries.block` can forbid it",
  "query-named-block-nodes": "far sides of block nodes; can block on stalled storage, so `queries.block` can forbid it",
  "query-tpm": "which chardev belongs to a TPM backend",
  "qom-list": "devices and objects that may own a chardev or a drive",
  "qom-get": "the chardev, drive and error policy of one device",
} as const;

export const ALLOWED_COMMANDS: ReadonlySet<string> = new Set(Object.keys(COMMANDS));
