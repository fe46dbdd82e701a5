import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { HostReader } from "./host-reader.ts";
import { isNotPermitted, ListenerSearch } from "./listener-search.ts";
import type { ListenerAnswer } from "./listener-search.ts";
import { parseProcessStat } from "./process-stat.ts";
import type { ProcReply, ProcRequest } from "./proc-messages.ts";
import { hasOtherPeer } from "./unix-sockets.ts";

/**
 * The helper process of `proc-reader.ts`: reads /proc so that a read which blocks (a process in uninterruptible sleep can
 * hold its `cmdline`) blocks nothing but this process. It ends with its stdin, that is, with the bridge; a Ctrl-C meant
 * for the bridge's terminal is the bridge's to act on.
 */
const SLICE_MS = 25;
/** Another proc file system in tests. */
const root = process.argv[2] ?? "/proc";
const search = new ListenerSearch(root);
const host = new HostReader({ root });
const searches: Extract<ProcRequest, { op: "find-listener" }>[] = [];
let isSearching = false;

process.on("SIGINT", () => undefined);
process.on("SIGHUP", () => undefined);
// Nobody reads any more: the bridge is gone.
process.stdout.on("error", () => process.exit(0));

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0));
lines.on("line", (line) => {
  const request = JSON.parse(line) as ProcRequest;
  if (request.op === "find-listener") {
    searches.push(request);
    if (!isSearching) void searchAll();
    return;
  }
  if (request.op === "read-host") {
    void readHost(request);
    return;
  }
  reply({ id: request.id, value: answer(request) ?? null });
});

/** It waits for `ss`, and other questions are answered meanwhile. */
async function readHost(request: Extract<ProcRequest, { op: "read-host" }>): Promise<void> {
  reply({ alive: true });
  const value = await host.read(request).catch(() => null);
  reply({ id: request.id, value });
}

function answer(request: Exclude<ProcRequest, { op: "find-listener" | "read-host" }>): unknown {
  switch (request.op) {
    case "read-state":
      return readState(request.pid);
    case "read-command-line":
      return search.readCommandLine(request.pid);
    case "has-other-peer":
      try {
        return hasOtherPeer(search.unixSockets().get(request.path));
      } catch {
        return undefined;
      }
  }
}

function readState(pid: number): unknown {
  try {
    const stat = parseProcessStat(readFileSync(join(root, String(pid), "stat"), "utf8"));
    if (!stat) return { unknown: "gone" };
    const isFrozen = host.frozenCgroup(pid) !== undefined;
    return { state: stat.state, startTimeTicks: stat.startTimeTicks, ...(isFrozen ? { isFrozen } : {}) };
  } catch (error) {
    return { unknown: isNotPermitted(error) ? "not-permitted" : "gone" };
  }
}

/** All questions that wait are answered by one walk; those that come meanwhile, by the next. */
async function searchAll(): Promise<void> {
  isSearching = true;
  while (searches.length > 0) {
    // Let the questions that were sent together arrive together.
    await new Promise((resume) => setImmediate(resume));
    const batch = searches.splice(0);
    const answers = await inSlices(batch);
    batch.forEach((request, at) => reply({ id: request.id, value: answers[at] ?? { unknown: "not-found" } }));
  }
  isSearching = false;
}

async function inSlices(batch: typeof searches): Promise<ListenerAnswer[]> {
  try {
    const walk = search.find(batch.map((request) => request.address));
    let sliceEndsMs = performance.now() + SLICE_MS;
    for (;;) {
      const step = walk.next();
      if (step.done) return step.value;
      if (performance.now() < sliceEndsMs) continue;
      reply({ alive: true });
      await new Promise((resume) => setImmediate(resume));
      sliceEndsMs = performance.now() + SLICE_MS;
    }
  } catch (error) {
    return batch.map(() => ({ unknown: isNotPermitted(error) ? "not-permitted" : "not-found" }));
  }
}

function reply(message: ProcReply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
