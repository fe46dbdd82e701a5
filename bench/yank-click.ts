import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright";
import type { FleetSnapshot, VmDetail } from "#lib/api/vm";
import type { ActRecord } from "#lib/yank/act";
import { QmpClient } from "#server/qmp/client";
import { RipcordProcess } from "../e2e/support/ripcord-process.ts";
import { launchBrowser, whyNoBrowser } from "./support/browser.ts";
import { ConsoleClient } from "./support/console-client.ts";
import { delay } from "./support/cpu.ts";
import { SMALL_PC, startIdleQemu } from "./support/idle-qemu.ts";
import type { Bench, BenchOptions, BenchResult } from "./support/result.ts";
import { short, summarise } from "./support/stats.ts";
import type { Summary } from "./support/stats.ts";

const CHARDEV = "console0";
const AIM_P50_MS = 20;
const AIM_P99_MS = 100;
/** Clicks that are made and not counted: the first of everything is loaded and compiled with them. */
const WARM_UP_ROUNDS = 1;
const WAIT_MS = 30_000;
/** Nobody confirms what he has not read: the page has come to rest by then. */
const READING_MS = 1_000;

interface ConsoleVm {
  name: string;
  vmId: string;
  /** A line of our own, for the floor. */
  control: string;
  console: ConsoleClient;
}

export const yankClick: Bench = {
  name: "yank-click",
  about:
    "From the click that confirms a yank (the event's own timestamp in Chromium) to the reply of a real QEMU, which drops the client of a serial console that connects again by itself. Between them: the request, the intent committed to the audit with an fsync, the bridge's re-reading and its own record, and the command. The floor is one request of the same page to the same hub that does nothing, the two fsyncs, and two bare round trips to the same QEMU.",
  cannotRun: whyNoBrowser,
  run: measure,
};

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const vmCount = isQuick ? 2 : 6;
  const rounds = isQuick ? 3 : 10;
  const ripcord = await RipcordProcess.start();
  const closers: (() => Promise<void>)[] = [() => ripcord.close()];
  try {
    const vms: ConsoleVm[] = [];
    for (let number = 1; number <= vmCount; number++) vms.push(await startConsoleVm(ripcord, number, closers));
    for (const vm of vms) vm.vmId = await untilReady(ripcord, vm.name);
    const browser = await launchBrowser();
    closers.push(() => browser.close());
    const delaysMs: number[] = [];
    const repliesMs: number[] = [];
    const floorsMs: number[] = [];
    for (let round = 0; round < rounds + WARM_UP_ROUNDS; round++) {
      log(`round ${round + 1} of ${rounds + WARM_UP_ROUNDS}: ${vmCount} VMs`);
      for (const vm of vms) {
        const { afterMs, replyAfterMs, floorMs } = await clickOnce(browser, ripcord, vm);
        if (round < WARM_UP_ROUNDS) continue;
        delaysMs.push(afterMs);
        repliesMs.push(replyAfterMs);
        floorsMs.push(floorMs);
      }
    }
    return judge(summarise(delaysMs), summarise(floorsMs), summarise(repliesMs), vmCount);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

function judge(clicks: Summary, floor: Summary, replies: Summary, vmCount: number): BenchResult {
  const line = (name: string, measuredMs: number, floorMs: number, aimMs: number) => ({
    name,
    measured: `${short(measuredMs)} ms`,
    floor: `${short(floorMs)} ms`,
    ratio: measuredMs / floorMs,
    aim: `≤ ${aimMs} ms`,
    isMet: measuredMs <= aimMs,
  });
  return {
    bench: yankClick.name,
    about: yankClick.about,
    measurements: [
      line("click to QEMU's reply, median", clicks.p50, floor.p50, AIM_P50_MS),
      line("click to QEMU's reply, p99", clicks.p99, floor.p99, AIM_P99_MS),
    ],
    notes: [
      `${clicks.count} clicks over ${vmCount} VMs after a warm-up round; p95 ${short(clicks.p95)}, at most ${short(clicks.max)} ms. With so few the p99 is the slowest one.`,
      `QEMU's own part, from the command written to its reply: median ${short(replies.p50)}, at most ${short(replies.max)} ms.`,
      "When the command was written comes from the bridge as an age, so that the link's way is in the figure once more than in truth.",
    ],
  };
}

async function startConsoleVm(ripcord: RipcordProcess, number: number, closers: (() => Promise<void>)[]): Promise<ConsoleVm> {
  const name = `console-${String(number).padStart(2, "0")}`;
  const control = join(ripcord.folder, `${name}.ctl`);
  const consolePath = join(ripcord.folder, `${name}.con`);
  const qemu = await startIdleQemu({
    name,
    machine: [
      ...SMALL_PC,
      "-chardev",
      `socket,id=${CHARDEV},path=${consolePath},server=on,wait=off`,
      "-device",
      `isa-serial,chardev=${CHARDEV},id=com1`,
    ],
    monitors: { ripcord: join(ripcord.monitorsDirectory, `${name}.sock`), control },
  });
  closers.push(() => qemu.close());
  const console = new ConsoleClient(consolePath);
  closers.push(async () => console.close());
  await console.connected;
  return { name, vmId: "", control, console };
}

/** Waits until the hub offers to cut the VM's console, and no act is under way. */
async function untilReady(ripcord: RipcordProcess, name: string): Promise<string> {
  const deadlineMonoMs = performance.now() + WAIT_MS;
  for (;;) {
    const { vms } = await ripcord.api<FleetSnapshot>("/vms");
    const row = vms.find((vm) => vm.name === name);
    const detail = row && (await ripcord.api<VmDetail>(`/vms/${row.vmId}`));
    const console = detail?.instances.find(({ instance }) => instance.type === "chardev" && instance["id"] === CHARDEV);
    if (row && detail?.health.kind === "healthy" && !detail.actInProgress && console?.yankable === true) return row.vmId;
    if (performance.now() > deadlineMonoMs) {
      throw new Error(
        `${name} did not get ready: ${detail?.health.kind ?? "not listed"}, its console ${console ? "not yankable" : "unknown"}`,
      );
    }
    await delay(200);
  }
}

interface Click {
  afterMs: number;
  replyAfterMs: number;
  floorMs: number;
}

async function clickOnce(browser: Browser, ripcord: RipcordProcess, vm: ConsoleVm): Promise<Click> {
  await vm.console.connected;
  await untilReady(ripcord, vm.name);
  const page = await browser.newPage();
  try {
    await page.goto(`${ripcord.url}vms/${vm.vmId}`);
    await page.getByRole("button", { name: `Yank ${CHARDEV}…` }).click();
    const confirm = page.getByRole("alertdialog").getByRole("button", { name: `Yank ${CHARDEV}`, exact: true });
    await confirm.waitFor();
    await noteClicks(page);
    await delay(READING_MS);
    const floorMs = await measureFloor(page, ripcord, vm);
    const earlier = new Set((await actsOn(ripcord, vm.vmId)).map(({ actId }) => actId));
    await confirm.click();
    const clickedAtMs = await page.evaluate(() => (globalThis as unknown as { benchClickedAtMs: number }).benchClickedAtMs);
    const target = await repliedTarget(ripcord, vm.vmId, earlier);
    if (target?.state !== "accepted" || target.sentAtMs === undefined || target.replyAfterMs === undefined) {
      throw new Error(`The yank on ${vm.name} was ${target?.state ?? "never made"}: ${target?.detail ?? ""}`);
    }
    return { afterMs: target.sentAtMs + target.replyAfterMs - clickedAtMs, replyAfterMs: target.replyAfterMs, floorMs };
  } finally {
    await page.close();
  }
}

/** The click's own timestamp: when Chromium got it, before any of the page's code ran. */
async function noteClicks(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.addEventListener(
      "click",
      (event) => {
        (globalThis as unknown as { benchClickedAtMs: number }).benchClickedAtMs = performance.timeOrigin + event.timeStamp;
      },
      { capture: true },
    );
  });
}

async function actsOn(ripcord: RipcordProcess, vmId: string): Promise<ActRecord[]> {
  return (await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`)).acts;
}

/** The new act on this VM, once QEMU has replied or will not; that it is verified for seconds is waited for elsewhere. */
async function repliedTarget(
  ripcord: RipcordProcess,
  vmId: string,
  earlier: ReadonlySet<string>,
): Promise<ActRecord["targets"][number] | undefined> {
  const deadlineMonoMs = performance.now() + WAIT_MS;
  for (;;) {
    const act = (await actsOn(ripcord, vmId)).find(({ actId }) => !earlier.has(actId));
    const target = act?.targets[0];
    if (target?.isFinal || target?.replyAfterMs !== undefined || performance.now() > deadlineMonoMs) return target;
    await delay(100);
  }
}

/** What no order of steps could do without: the page's request, two records on the disk, two round trips to QEMU. */
async function measureFloor(page: Page, ripcord: RipcordProcess, vm: ConsoleVm): Promise<number> {
  const requestMs = await page.evaluate(async () => {
    // Once for the connection, which the click finds open too.
    await (await fetch("/healthz")).text();
    const startedMs = performance.now();
    await (await fetch("/healthz")).text();
    return performance.now() - startedMs;
  });
  return requestMs + (await twoRecordsMs(ripcord.folder)) + (await twoRoundTripsMs(vm.control));
}

async function twoRecordsMs(folder: string): Promise<number> {
  const directory = mkdtempSync(join(folder, "floor-"));
  const startedMs = performance.now();
  for (const name of ["intent", "outcome"]) {
    const file = await open(join(directory, name), "w");
    await file.write(Buffer.alloc(4_096));
    await file.sync();
    await file.close();
  }
  const tookMs = performance.now() - startedMs;
  rmSync(directory, { recursive: true });
  return tookMs;
}

async function twoRoundTripsMs(path: string): Promise<number> {
  const client = new QmpClient({ address: { path }, allowedCommands: new Set(["query-yank"]), inBandWindow: 1 });
  await client.connect();
  let sumMs = 0;
  for (let count = 0; count < 2; count++) {
    sumMs += (await client.executeOob("query-yank", undefined, { timeoutMs: 5_000 })).replyAfterMs;
  }
  client.close();
  return sumMs;
}
