import type { Serves, ServesKind } from "./instance.ts";

const SERVES_WORD: Record<ServesKind, string> = {
  "guest-disk": "guest disk",
  "job-source": "source of job",
  "job-target": "target of job",
  replication: "COLO replication",
  "serial-console": "serial console",
  "debug-console": "debug console",
  "virtio-port": "virtio port",
  "guest-agent": "guest agent",
  tpm: "TPM emulator",
  "vhost-user": "vhost-user device",
  netdev: "network backend",
  rng: "random number source",
  filter: "network filter",
  "other-device": "device",
  "migration-out": "migration to another host",
  "migration-in": "migration into this VM",
  monitor: "monitor",
  nothing: "nothing",
  unknown: "not known what it serves",
};

/** "guest disk vda", "target of mirror job copy0", "virtio port org.qemu.guest_agent.0" */
export function servesName({ kind, owner, jobType, portName }: Serves): string {
  const word = jobType === undefined ? SERVES_WORD[kind] : SERVES_WORD[kind].replace("job", `${jobType} job`);
  const name = kind === "virtio-port" ? (portName ?? owner) : owner;
  return name === undefined ? word : `${word} ${name}`;
}

/** "guest disk vda, read-only" */
export function servesWords(serves: Serves): string {
  const name = servesName(serves);
  return serves.isReadOnly ? `${name}, read-only` : name;
}
