import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { cpuSeconds } from "./cpu.ts";
import type { Reading } from "./measured-child.ts";

export interface Answering {
  /** Bytes read from all monitors so far. */
  bytesRead: () => number;
  /** Called when the parent has closed the pipe. */
  onEnd: () => void;
}

/** The child's end of `MeasuredChild`. */
export function answerReadings({ bytesRead, onEnd }: Answering): void {
  const commands = createInterface({ input: process.stdin });
  commands.on("line", (line) => {
    const reading: Reading = { ...(line === "heap" ? readHeap() : readCpu()), bytesRead: bytesRead() };
    process.stdout.write(`${JSON.stringify(reading)}\n`);
  });
  commands.once("close", onEnd);
  process.stdout.write("ready\n");
}

function readCpu(): Omit<Reading, "bytesRead"> {
  const { user, system } = process.cpuUsage();
  const helpersCpuMs = childPids().reduce((sum, pid) => sum + cpuSeconds(pid) * 1_000, 0);
  return { cpuMs: (user + system) / 1_000 + helpersCpuMs, helpersCpuMs, rssBytes: process.memoryUsage.rss() };
}

function readHeap(): Omit<Reading, "bytesRead"> {
  // Twice: what finalizers let go of is found by the second.
  globalThis.gc?.();
  globalThis.gc?.();
  return { ...readCpu(), heapBytes: process.memoryUsage().heapUsed };
}

/** @see proc(5), /proc/pid/task/tid/children */
function childPids(): number[] {
  try {
    const text = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}
