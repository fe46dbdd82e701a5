import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QmpClient } from "#server/qmp/client";
import type { QmpHandlers, QmpLane } from "#server/qmp/client";
import { startIdleQemu } from "./support/idle-qemu.ts";
import type { Bench, BenchOptions, BenchResult, Measurement } from "./support/result.ts";
import { median, short } from "./support/stats.ts";

/** At least this much of the bare loop's speed. */
const AIM_RATIO = 0.9;
const ROUND_TRIPS_PER_BATCH = 400;
const LINE_FEED = 0x0a;

/** One sequential exchange; resolves when the reply is there. */
type Exchange = () => Promise<void>;

export const qmpRoundTrip: Bench = {
  name: "qmp-round-trip",
  about:
    "Sequential QMP round trips of `server/qmp` on an idle real QEMU, against a bare socket loop that writes the same line with a fixed id and waits for a line end, without parsing. Batches alternate, so that both meet the same machine.",
  run: measure,
};

const LANES = ["in-band", "out-of-band"] as const;

/** Durations of whole batches. */
interface Batches {
  ours: number[];
  bare: number[];
}

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), "ripcord-bench-"));
  const monitors = [join(directory, "one.sock"), join(directory, "two.sock")] as const;
  const qemu = await startIdleQemu({ monitors: { one: monitors[0], two: monitors[1] } });
  try {
    const lines = await linesOfClient(monitors[0]);
    const batches = isQuick ? 4 : 13;
    const measured: Record<QmpLane, Batches> = { "in-band": { ours: [], bare: [] }, "out-of-band": { ours: [], bare: [] } };
    // QEMU serves its first monitor a little sooner than its second, so each of us gets each once.
    for (const [ours, bare] of [monitors, monitors.toReversed()] as [string, string][]) {
      const client = openClient(ours);
      await client.connect();
      const floor = await openBareLoop(bare, lines);
      for (const lane of LANES) {
        log(`${lane}: ${batches} batches of ${ROUND_TRIPS_PER_BATCH}, alternating`);
        await takeTurns(clientExchange(client, lane), floor.exchange(lane), batches, measured[lane]);
      }
      client.close();
      floor.close();
    }
    return {
      bench: qmpRoundTrip.name,
      about: qmpRoundTrip.about,
      measurements: LANES.map((lane) => judge(lane, measured[lane])),
      notes: [
        `QEMU ${qemu.version}; median of ${2 * batches} batches of ${ROUND_TRIPS_PER_BATCH} sequential round trips each, half of them with the monitors swapped.`,
        `The line of both, but for what stands in the id: \`${lines["in-band"].trim()}\``,
      ],
    };
  } finally {
    await qemu.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function takeTurns(ours: Exchange, bare: Exchange, batches: number, into: Batches): Promise<void> {
  await batch(ours);
  await batch(bare);
  for (let round = 0; round < batches; round++) {
    // The order alternates too: whoever goes second inherits a warmer cache.
    if (round % 2 === 0) into.ours.push(await batch(ours));
    into.bare.push(await batch(bare));
    if (round % 2 === 1) into.ours.push(await batch(ours));
  }
}

function judge(lane: QmpLane, { ours, bare }: Batches): Measurement {
  const ratio = median(bare) / median(ours);
  return {
    name: lane === "in-band" ? "in-band `query-status`" : "out-of-band `query-yank`",
    measured: `${short((median(ours) / ROUND_TRIPS_PER_BATCH) * 1_000)} µs`,
    floor: `${short((median(bare) / ROUND_TRIPS_PER_BATCH) * 1_000)} µs`,
    ratio,
    aim: `≥ ${AIM_RATIO} of the floor's speed`,
    isMet: ratio >= AIM_RATIO,
  };
}

function openClient(path: string, handlers?: QmpHandlers): QmpClient {
  return new QmpClient({ address: { path }, allowedCommands: new Set(["query-status", "query-yank"]), inBandWindow: 1, handlers });
}

/** What the client writes, byte for byte: QEMU reads a monitor byte by byte, so that a shorter line would be no floor. */
async function linesOfClient(path: string): Promise<Record<QmpLane, string>> {
  const sent: string[] = [];
  const client = openClient(path, { onTranscript: ({ direction, text }) => direction === "sent" && sent.push(text) });
  await client.connect();
  for (const lane of LANES) await clientExchange(client, lane)();
  client.close();
  const [, inBand, outOfBand] = sent;
  if (inBand === undefined || outOfBand === undefined) throw new Error("The client's own lines could not be read");
  return { "in-band": inBand, "out-of-band": outOfBand };
}

function clientExchange(client: QmpClient, lane: QmpLane): Exchange {
  const command = lane === "in-band" ? "query-status" : "query-yank";
  return () =>
    new Promise((resolve, reject) => {
      client.request({ lane, command, timeoutMs: 5_000 }, (result) => (result.ok ? resolve() : reject(result.error)));
    });
}

async function batch(exchange: Exchange): Promise<number> {
  const started = performance.now();
  for (let count = 0; count < ROUND_TRIPS_PER_BATCH; count++) await exchange();
  return performance.now() - started;
}

/** What nobody can be faster than in this runtime: a socket, a fixed line, a wait for the next line end. */
async function openBareLoop(path: string, lines: Record<QmpLane, string>): Promise<{ exchange(lane: QmpLane): Exchange; close(): void }> {
  let onLine: (() => void) | undefined;
  // One buffer for all reads, as the client has it: a new one for each reply would be no floor.
  const onread = {
    buffer: Buffer.alloc(65_536),
    callback: (length: number, bytes: Uint8Array): boolean => {
      if (bytes[length - 1] === LINE_FEED) onLine?.();
      return true;
    },
  };
  const socket = connect({ path, onread });
  const send = (line: string): Promise<void> =>
    new Promise((resolve) => {
      onLine = resolve;
      socket.write(line);
    });
  await new Promise<void>((resolve) => {
    onLine = resolve;
  });
  await send('{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"n"}\n');
  return {
    exchange: (lane) => {
      const line = lines[lane];
      return () => send(line);
    },
    close: () => socket.destroy(),
  };
}
