import type { InstanceView, MigrationView, VmDetail } from "#lib/api/vm";
import type { ClueCode, ClueView } from "#lib/diagnosis/clue";
import { instanceKey, instanceName } from "#lib/vm/instance";
import { servesName } from "#lib/vm/serves-words";
import { connectionWords } from "./instance-words.ts";
import { isSuspected, likeliest, suspectOf } from "./suspicion-words.ts";

/** One stop on the way from what the guest uses to who is at the other end. */
export interface HangStep {
  name: string;
  /** What it is. */
  note: string;
  role: "device" | "node" | "instance" | "far-side";
}

/**
 * How the last link, from the instance to its far side, is drawn.
 * - `dead`: what was measured says that nothing comes back over it.
 * - `down`: nothing is connected.
 * - `plain`: nothing speaks against it, or nothing was measured.
 */
export type LinkState = "dead" | "down" | "plain";

export interface HangPath {
  key: string;
  report: InstanceView;
  steps: HangStep[];
  link: LinkState;
  /** What was measured on it, in words; undefined where nothing was. */
  measured?: ClueView;
  /** Said where nothing was measured. */
  words: string;
}

/** Clues that tell of the way to the far side, those that say most first. */
const LINK_CLUES: readonly ClueCode[] = [
  "sent-unanswered",
  "unsent-bytes",
  "unread-at-peer",
  "migration-still",
  "being-connected",
  "switchover",
  "vcpu-in-write",
  "work-outstanding",
  "counters-frozen",
  "stop-unanswered",
];
const LIVING_CLUES: readonly ClueCode[] = [
  "traffic-flows",
  "work-completes",
  "idle-connection",
  "no-work-outstanding",
  "nothing-connected",
];

/** The way of one instance, from the guest's side to the far side. */
export function hangPath(report: InstanceView, migration?: MigrationView): HangPath {
  const isSuspect = isSuspected(report);
  const measured = firstOf(report.clues, isSuspect ? LINK_CLUES : [...LIVING_CLUES, ...LINK_CLUES]);
  const isDown = ["listening", "disconnected", "given-up", "reconnecting", "connecting"].includes(report.connection);
  return {
    key: instanceKey(report.instance),
    report,
    steps: [...stepsAbove(report), instanceStep(report, migration), ...farSideStep(report, migration)],
    link: isDown ? "down" : isSuspect ? "dead" : "plain",
    measured,
    words: measured?.text ?? connectionWords(report.connection),
  };
}

/** The one to draw large, and the rest; none is drawn large where none stands out. */
export function hangPaths(vm: Pick<VmDetail, "health" | "suspect" | "instances" | "migration">): { main?: HangPath; others: HangPath[] } {
  const cords = vm.instances.filter((report) => report.isMonitor !== true);
  const best = likeliest(cords);
  const main = suspectOf(vm) ?? (best.length === 1 ? best[0] : cords.length === 1 ? cords[0] : undefined);
  const others = cords.filter((report) => report !== main);
  const inOrder = others.toSorted((left, right) => rank(left) - rank(right));
  return {
    ...(main && { main: hangPath(main, vm.migration) }),
    others: inOrder.map((report) => hangPath(report, vm.migration)),
  };
}

const RANK: Record<InstanceView["suspicion"]["score"], number> = {
  "almost-certainly": 0,
  likely: 1,
  possible: 2,
  "cannot-tell": 3,
  "not-involved": 4,
};

function rank({ suspicion }: InstanceView): number {
  return RANK[suspicion.score];
}

function stepsAbove({ serves, instance }: InstanceView): HangStep[] {
  if (instance.type === "migration") return [{ name: "guest memory", note: "this VM", role: "device" }];
  const nodes = (serves.through ?? [])
    .map((name, index): HangStep => ({ name, note: serves.throughDrivers?.[index] ?? "node", role: "node" }))
    .toReversed();
  if (serves.kind === "unknown") return [{ name: "?", note: "not known what it serves", role: "device" }, ...nodes];
  if (serves.kind === "nothing") return [{ name: "nothing", note: "uses it", role: "device" }, ...nodes];
  const name = (serves.kind === "virtio-port" ? serves.portName : undefined) ?? serves.owner;
  if (name === undefined) return [{ name: servesName(serves), note: serves.deviceType ?? "", role: "device" }, ...nodes];
  const note = serves.deviceType ?? (serves.jobType === undefined ? servesName({ kind: serves.kind }) : `${serves.jobType} job`);
  return [{ name, note, role: "device" }, ...nodes];
}

function instanceStep({ instance }: InstanceView, migration: MigrationView | undefined): HangStep {
  const note = instance.type === "migration" ? (migration?.status ?? "") : instance.type === "block-node" ? "nbd" : instance.type;
  return { name: instanceName(instance), note, role: "instance" };
}

function farSideStep({ farSide, instance, connection }: InstanceView, migration: MigrationView | undefined): HangStep[] {
  const text = farSide?.text ?? (instance.type === "migration" ? migration?.uri : undefined);
  if (text === undefined) return connection === "listening" ? [] : [{ name: "?", note: "far side not known", role: "far-side" }];
  return [splitFarSide(text)];
}

/** An address over its port and export, so that both fit a small box. A path is told by its last part. */
export function splitFarSide(text: string): HangStep {
  const [address = text, ...rest] = text.replace(/^NBD server /, "").split(", ");
  const hostPort = /^(.*[^:]):(\d+)$/.exec(address);
  if (hostPort) return { name: hostPort[1] ?? address, note: [`:${hostPort[2]}`, ...rest].join(", "), role: "far-side" };
  const path = /^(.*\/)([^/]+)$/.exec(address);
  if (path) return { name: path[2] ?? address, note: [path[1], ...rest].join(", "), role: "far-side" };
  return { name: address, note: rest.join(", "), role: "far-side" };
}

/** The way in one sentence, for whoever does not see the picture: "vda, then node fmt0, then nbd0, to 10.0.4.15:10809". */
export function pathSentence({ steps, report }: HangPath): string {
  const names = steps.filter((step) => step.role !== "far-side").map((step) => (step.role === "node" ? `node ${step.name}` : step.name));
  return `${names.join(", then ")}${report.farSide ? `, to ${report.farSide.text}` : ""}`;
}

function firstOf(clues: readonly ClueView[], codes: readonly ClueCode[]): ClueView | undefined {
  for (const code of codes) {
    const found = clues.find((clue) => clue.code === code);
    if (found) return found;
  }
  return undefined;
}
