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
  "query-qmp-schema": "what this QEMU build can be asked; once per build, no I/O",
  // Migration. None of the reads does I/O.
  "query-migrate": "status and byte counters of a migration that is known or suspected",
  "migrate-set-capabilities": "switches on `events` alone, and only where no migration runs",
  "query-colo-status": "which side of a COLO pair this is, and why COLO ended; no I/O",
  // Counters and threads. None of them does I/O: each answered at once, on 7.2 and 11.1, with qcow2 and its bitmap on storage
  // that stood still. `x-query-virtio-status` is not among them and must not be: it aborts QEMU 11.1.3.
  // Before QEMU 9.0 it takes the lock of each disk's I/O thread, so it is not sent there to a VM that has such threads.
  "query-blockstats": "requests that a disk completed, and since when none did",
  "x-query-virtio": "which virtio devices there are, by QOM path",
  // Never of a vhost device: there QEMU asks the back end (GET_VRING_BASE), which waits for it and stops the ring. And
  // queues are counted by asking until QEMU refuses.
  "x-query-virtio-queue-status": "requests in use in one virtqueue of a device that QEMU itself serves",
  "query-cpus-fast": "thread ids of the vCPUs, to find them in /proc",
  "query-iothreads": "thread ids of the I/O threads, to find them in /proc",
  // Acts, each after an operator confirmed a plan.
  yank: "cuts the named connections",
  migrate_cancel: "the softer way out of a stalled precopy migration",
  "migrate-pause": "the softer way out of a stalled postcopy migration",
  // Topology, read only while the VM is well.
  "query-chardev": "which chardevs exist and whether they are connected",
  "query-block-jobs": "source and target of block jobs",
  "x-debug-query-block-graph": "what sits on a block node, without any I/O",
  "query-block-exports": "whether this QEMU itself exports a node; no I/O",
  // Can wait for storage that stalls, and the VM with it: docs/decisions/0007 says exactly when it is sent. `query-block`
  // can too, and tells nothing that the others do not.
  "query-named-block-nodes": "sizes and far sides of block nodes; `queries.block` forbids it",
  "query-tpm": "which chardev belongs to a TPM backend",
  "qom-list": "devices and objects that may own a chardev or a drive",
  "qom-get": "the chardev, drive and error policy of one device",
} as const;

export const ALLOWED_COMMANDS: ReadonlySet<string> = new Set(Object.keys(COMMANDS));
