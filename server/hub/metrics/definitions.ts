/** One metric as it is exposed. docs/metrics.md says the same for people; a test compares the two. */
interface Definition {
  type: "gauge" | "counter" | "histogram";
  labels: readonly string[];
  help: string;
}

/** Every metric there is. Names and labels are a promise to whoever wrote an alert on them: change none without need. */
export const METRICS = {
  ripcord_build_info: { type: "gauge", labels: ["version"], help: "Always 1; the version is its label." },
  ripcord_vms: { type: "gauge", labels: ["host", "verdict"], help: "VMs by host and verdict." },
  ripcord_vms_without_oob: {
    type: "gauge",
    labels: ["host"],
    help: "VMs whose QEMU offers no out-of-band monitor: no cord while their main loop hangs.",
  },
  ripcord_vm_verdict: { type: "gauge", labels: ["vm_id", "vm", "host", "verdict"], help: "1 for the verdict that a VM has now." },
  ripcord_vm_verdict_since_timestamp_seconds: { type: "gauge", labels: ["vm_id", "vm", "host"], help: "Since when a VM has its verdict." },
  ripcord_vm_request_open_seconds: {
    type: "gauge",
    labels: ["vm_id", "vm", "host", "lane"],
    help: "Age of a VM's oldest unanswered request; only lanes that have waited for over a second.",
  },
  ripcord_vm_series_limited: {
    type: "gauge",
    labels: [],
    help: "1 while there are more VMs than metrics.maxVms: the ripcord_vm_ series are left out then.",
  },
  ripcord_clock_seconds: { type: "histogram", labels: ["lane"], help: "The clock of each lane of each VM, looked at every ten seconds." },
  ripcord_incidents: { type: "gauge", labels: ["state"], help: "Incidents that are not over." },
  ripcord_incidents_unacknowledged: { type: "gauge", labels: [], help: "Open incidents that nobody says they are on." },
  ripcord_incidents_opened_total: { type: "counter", labels: [], help: "Incidents opened since this hub started." },
  ripcord_incidents_resolved_total: { type: "counter", labels: [], help: "Incidents resolved since this hub started." },
  ripcord_acts_in_progress: { type: "gauge", labels: [], help: "VMs with an act under way." },
  ripcord_act_targets_total: {
    type: "counter",
    labels: ["action", "state", "verdict"],
    help: "Targets of acts that have their last word, since this hub started.",
  },
  ripcord_bridge_up: {
    type: "gauge",
    labels: ["bridge_id", "host"],
    help: "1 while a bridge is connected, heard, and has told of its VMs.",
  },
  ripcord_bridge_vms: { type: "gauge", labels: ["bridge_id", "host"], help: "VMs that a bridge told of." },
  ripcord_bridge_newest_probe_age_seconds: {
    type: "gauge",
    labels: ["bridge_id", "host"],
    help: "Age of the newest probe of any VM of a bridge; absent where there is none.",
  },
  ripcord_bridge_lost_seconds: {
    type: "gauge",
    labels: ["bridge_id", "host"],
    help: "For how long a bridge has been lost; 0 while it is not.",
  },
  ripcord_browsers_connected: { type: "gauge", labels: [], help: "Sockets of browsers that follow the fleet." },
  ripcord_store_errors_total: { type: "counter", labels: ["database"], help: "Statements that a database refused or could not write." },
  ripcord_notify_deliveries_total: {
    type: "counter",
    labels: ["target", "outcome"],
    help: 'Attempts to deliver a notification, and notifications given up; the dead man\'s signal is the target "dead man".',
  },
  ripcord_notify_queued: { type: "gauge", labels: ["target"], help: "Notifications that wait to be delivered." },
  ripcord_hub_event_loop_delay_seconds: {
    type: "gauge",
    labels: ["quantile"],
    help: "Delay of the hub's own event loop in the last ten seconds; quantile 1 is the longest.",
  },
  ripcord_hub_cpu_seconds_total: { type: "counter", labels: [], help: "CPU that the hub has used." },
  ripcord_hub_resident_memory_bytes: { type: "gauge", labels: [], help: "Memory of the hub." },
  ripcord_hub_start_timestamp_seconds: { type: "gauge", labels: [], help: "When this hub started." },
} as const satisfies Record<string, Definition>;

export type MetricName = keyof typeof METRICS;

/**
 * A round trip is told by its step only (10 ms, 100 ms, 1 s), so that healthy VMs do not change every second: finer
 * buckets below a second would be made up.
 */
export const CLOCK_BUCKETS_S = [0.01, 0.1, 1, 2, 5, 10, 30, 60, 300, 1_800, 3_600];
