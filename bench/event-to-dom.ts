import { join } from "node:path";
import type { Browser } from "playwright";
import type { FleetSnapshot } from "#lib/api/vm";
import { QmpClient } from "#server/qmp/client";
import { startSimulatedFleet } from "../server/simulator/index.ts";
import { RipcordProcess } from "../e2e/support/ripcord-process.ts";
import { startBareRelay } from "./support/bare-relay.ts";
import { launchBrowser, whyNoBrowser } from "./support/browser.ts";
import { delay } from "./support/cpu.ts";
import { SMALL_PC, startIdleQemu } from "./support/idle-qemu.ts";
import type { Bench, BenchOptions, BenchResult, Measurement } from "./support/result.ts";
import { watchRunStates } from "./support/run-state-watch.ts";
import type { DomChange } from "./support/run-state-watch.ts";
import { short, summarise } from "./support/stats.ts";
import type { Summary } from "./support/stats.ts";

const VM = "measured-01";
const BESIDE = 50;
const CHANGES_PER_SECOND = 50;
const AIM_P50_MS = 10;
const AIM_P95_MS = 92;
const AIM_BUSY_P99_MS = 300;
/** Pauses between two changes: spread over the probe's second, so that no phase of it is favoured. */
const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 1_250;
const SEEN_WITHIN_MS = 10_000;
/** Tall enough for every row of the fleet: what is out of sight is not drawn. */
const VIEWPORT = { width: 1_440, height: 3_200 };

export const eventToDom: Bench = {
  name: "event-to-dom",
  about:
    "From QEMU's own timestamp of STOP and RESUME of a real QEMU to the run state in the page, taken by a MutationObserver in Chromium. The floor is a bare relay in the same run: a socket that reads the same events and hands them to a page over socket.io, which writes the word into its one cell.",
  cannotRun: whyNoBrowser,
  run: measure,
};

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const count = isQuick ? 20 : 150;
  const ripcord = await RipcordProcess.start();
  const closers: (() => Promise<void>)[] = [() => ripcord.close()];
  try {
    const control = join(ripcord.folder, "control.sock");
    const qemu = await startIdleQemu({
      name: VM,
      machine: SMALL_PC,
      monitors: { ripcord: join(ripcord.monitorsDirectory, `${VM}.sock`), control },
    });
    closers.push(() => qemu.close());
    const toggle = await openToggle(control);
    closers.push(async () => toggle.close());
    await untilHealthy(ripcord, 1);
    const browser = await launchBrowser();
    closers.push(() => browser.close());

    log(`floor: ${count} changes`);
    const floor = await measureFloor(browser, toggle, count);
    const screen = await openFleet(browser, ripcord);
    log(`one VM changing: ${count} changes`);
    const quiet = await measureChanges(toggle, screen, count);

    log(`${CHANGES_PER_SECOND} changes a second beside it: ${count} changes`);
    const fleet = await startSimulatedFleet({ directory: ripcord.monitorsDirectory, count: BESIDE });
    closers.push(() => fleet.close());
    await untilHealthy(ripcord, 1 + BESIDE);
    const beside = startChanges([...fleet.vms.values()]);
    const busy = await measureChanges(toggle, screen, count);
    const seenBeside = screen.changesOfOthers();
    const made = beside.stop();
    await screen.close();
    const notes = [
      `QEMU ${qemu.version}; ${count} changes each, ${MIN_PAUSE_MS} to ${MAX_PAUSE_MS} ms apart. Bare relay: ${words(floor)}.`,
      `One VM changing: ${words(quiet)}. Beside ${CHANGES_PER_SECOND} changes a second (${made} made, ${seenBeside} drawn): ${words(busy)}.`,
      "The best peer measured has a median of 10 ms and a p95 of 92 ms.",
    ];
    return { bench: eventToDom.name, about: eventToDom.about, measurements: judge(floor, quiet, busy), notes };
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

function judge(floor: Summary, quiet: Summary, busy: Summary): Measurement[] {
  const line = (name: string, measuredMs: number, floorMs: number, aim: string, isMet: boolean): Measurement => ({
    name,
    measured: `${short(measuredMs)} ms`,
    floor: `${short(floorMs)} ms`,
    ratio: measuredMs / floorMs,
    aim,
    isMet,
  });
  return [
    line("one VM changing, median", quiet.p50, floor.p50, `< ${AIM_P50_MS} ms`, quiet.p50 < AIM_P50_MS),
    line("one VM changing, p95", quiet.p95, floor.p95, `< ${AIM_P95_MS} ms`, quiet.p95 < AIM_P95_MS),
    line(`${CHANGES_PER_SECOND} changes a second, p99`, busy.p99, floor.p99, `≤ ${AIM_BUSY_P99_MS} ms`, busy.p99 <= AIM_BUSY_P99_MS),
  ];
}

function words({ p50, p95, p99, max }: Summary): string {
  return `median ${short(p50)}, p95 ${short(p95)}, p99 ${short(p99)}, at most ${short(max)} ms`;
}

/** What a change is measured with: when it happened, by QEMU, and what the page has to read then. */
interface Change {
  atMs: number;
  runState: string;
}

interface Toggle {
  /** Pauses a running guest or continues a paused one. Resolves with the event. */
  next(): Promise<Change>;
  /** Called with every event, before `next` resolves. */
  onEvent: ((change: Change) => void) | undefined;
  close(): void;
}

/** A line of our own into the QEMU: the same event goes to all monitors, with one timestamp. */
async function openToggle(path: string): Promise<Toggle> {
  let isRunning = true;
  let resolveNext: ((change: Change) => void) | undefined;
  const client: QmpClient = new QmpClient({
    address: { path },
    allowedCommands: new Set(["stop", "cont"]),
    inBandWindow: 1,
    handlers: {
      onEvent: ({ event, atMs }) => {
        if ((event !== "STOP" && event !== "RESUME") || atMs === undefined) return;
        const change = { atMs, runState: event === "STOP" ? "paused" : "running" };
        toggle.onEvent?.(change);
        resolveNext?.(change);
      },
    },
  });
  await client.connect();
  const toggle: Toggle = {
    onEvent: undefined,
    next: async () => {
      const event = new Promise<Change>((resolve) => {
        resolveNext = resolve;
      });
      await client.execute(isRunning ? "stop" : "cont", undefined, { timeoutMs: 5_000 });
      isRunning = !isRunning;
      return event;
    },
    close: () => client.close(),
  };
  return toggle;
}

interface Screen {
  /** Resolves with when the page read so. */
  untilDrawn(runState: string): Promise<number>;
  /** How often another row's run state changed so far. */
  changesOfOthers(): number;
  close(): Promise<void>;
}

async function measureChanges(toggle: Toggle, screen: Screen, count: number): Promise<Summary> {
  const delaysMs: number[] = [];
  for (let index = 0; index < count; index++) {
    await delay(MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS));
    const expected = index % 2 === 0 ? "paused" : "running";
    const drawn = screen.untilDrawn(expected);
    const change = await toggle.next();
    if (change.runState !== expected) throw new Error(`QEMU said ${change.runState} where ${expected} was due`);
    delaysMs.push((await drawn) - change.atMs);
  }
  return summarise(delaysMs);
}

async function openFleet(browser: Browser, ripcord: RipcordProcess): Promise<Screen> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(ripcord.url);
  await page.getByRole("link", { name: VM }).waitFor();
  const waiting = new Waiting(VM);
  await watchRunStates(
    page,
    // The columns' order is the header's: the run state is the sixth.
    { row: '[role="row"]', name: "a", runState: '[role="cell"]:nth-child(6)' },
    (change) => waiting.take(change),
  );
  return {
    untilDrawn: (runState) => waiting.until(runState),
    changesOfOthers: () => waiting.others,
    close: () => page.close(),
  };
}

async function measureFloor(browser: Browser, toggle: Toggle, count: number): Promise<Summary> {
  const relay = await startBareRelay();
  const page = await browser.newPage({ viewport: VIEWPORT });
  try {
    await page.goto(relay.url);
    const waiting = new Waiting("floor");
    await watchRunStates(page, { row: ".row", name: "b", runState: "i" }, (change) => waiting.take(change));
    // The first message is on its way when the page is connected; the cell is empty until then.
    const isConnected = waiting.until("connected");
    const knock = setInterval(() => relay.show("connected"), 50);
    await isConnected;
    clearInterval(knock);
    toggle.onEvent = ({ runState }) => relay.show(runState);
    return await measureChanges(
      toggle,
      { untilDrawn: (runState) => waiting.until(runState), changesOfOthers: () => 0, close: async () => {} },
      count,
    );
  } finally {
    toggle.onEvent = undefined;
    await page.close();
    await relay.close();
  }
}

/** Waits for one VM's change among all that a page tells. */
class Waiting {
  others = 0;
  readonly #name: string;
  #wanted: { text: string; resolve: (atMs: number) => void; stopTimer: () => void } | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  take({ name, text, atMs }: DomChange): void {
    if (name !== this.#name) this.others++;
    else if (text === this.#wanted?.text) {
      this.#wanted.stopTimer();
      this.#wanted.resolve(atMs);
      this.#wanted = undefined;
    }
  }

  until(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The page did not draw "${text}" in time`)), SEEN_WITHIN_MS);
      this.#wanted = { text, resolve, stopTimer: () => clearTimeout(timer) };
    });
  }
}

interface Changing {
  /** @returns how many changes were made. */
  stop(): number;
}

/** Pauses and resumes simulated VMs in turn, evenly spread over the second. */
function startChanges(vms: readonly { pause(): void; resume(): void; runState: string }[]): Changing {
  let made = 0;
  const timer = setInterval(() => {
    const vm = vms[made++ % vms.length];
    if (vm?.runState === "running") vm.pause();
    else vm?.resume();
  }, 1_000 / CHANGES_PER_SECOND);
  return {
    stop: () => {
      clearInterval(timer);
      return made;
    },
  };
}

async function untilHealthy(ripcord: RipcordProcess, count: number): Promise<void> {
  for (;;) {
    const { vms } = await ripcord.api<FleetSnapshot>("/vms");
    if (vms.filter(({ health, instanceCount }) => health.kind === "healthy" && instanceCount > 0).length >= count) return;
    await delay(100);
  }
}
