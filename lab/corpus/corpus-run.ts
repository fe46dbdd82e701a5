import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { instanceKey } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";
import { findScenario } from "../catalog.ts";
import { type Lab, openLab } from "../lab.ts";
import { LabError, messageOf } from "../lab-error.ts";
import type { Qemu } from "../qemu.ts";
import type { LabScenario, ScenarioOptions } from "../scenario.ts";
import { waitFor } from "../wait-for.ts";
import { BridgeProcess } from "./bridge-process.ts";
import { type Findings, findingsOf } from "./findings.ts";
import { type CaseResult, type Judged, judgePassing, judgeQuiet, judgeTrouble, servesOf } from "./judge-trail.ts";
import type { CorpusCase, TroubleTruth } from "./truth.ts";
import { VerdictTrail } from "./verdict-trail.ts";

const SEEN_WITHIN_MS = 60_000;
/** Sum of the longest threshold, the probes and a busy host. */
const REACHED_WITHIN_MS = 40_000;
/** For this long a verdict has to stand before it counts. */
const HELD_FOR_MS = 5_000;
const CLOSED_WITHIN_MS = 40_000;
const TOPOLOGY_WITHIN_MS = 8_000;
const WATCH_MS = 6_000;

/**
 * One bridge for many cases at once, as one host has many VMs; each case has its own VMs in the one watched folder.
 * `close()` ends everything.
 */
export class CorpusRun {
  readonly #folder: string;
  readonly #bridge: BridgeProcess;
  readonly #labs = new Map<string, Promise<Lab>>();
  readonly #trails = new Map<string, VerdictTrail>();

  private constructor(folder: string, bridge: BridgeProcess) {
    this.#folder = folder;
    this.#bridge = bridge;
    bridge.hub.onReport((report) => this.#trails.get(report.name)?.add(report));
  }

  static async start(): Promise<CorpusRun> {
    // Unix socket paths hold 107 bytes, so the folder's own name must stay short.
    const folder = mkdtempSync(join(tmpdir(), "rc-"));
    try {
      return new CorpusRun(folder, await BridgeProcess.start(folder));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Brings one case about and compares what is shown with what is true. What cannot be brought about is wrong as well. */
  async judge(corpusCase: CorpusCase, qemu: Qemu): Promise<CaseResult> {
    const startedMonoMs = performance.now();
    return { ...(await this.#judgeAll(corpusCase, qemu)), tookMs: performance.now() - startedMonoMs };
  }

  /** Starts a scenario whose every VM is watched, and resolves once all are shown as well. */
  async startWatched(
    scenarioName: string,
    qemu: Qemu,
    options: ScenarioOptions,
  ): Promise<{ trails: ReadonlyMap<string, VerdictTrail>; close: () => Promise<void> }> {
    const scenario = await findScenario(scenarioName).start(await this.#lab(qemu), options);
    const trails = new Map(scenario.vms.map(({ name }) => [name, this.#watch(name)]));
    for (const trail of trails.values()) await waitUntilWell(trail);
    return { trails, close: () => scenario.close() };
  }

  async #judgeAll(corpusCase: CorpusCase, qemu: Qemu): Promise<CaseResult> {
    const { id, truth } = corpusCase;
    let scenario: LabScenario | undefined;
    try {
      scenario = await findScenario(corpusCase.scenario).start(await this.#lab(qemu), { vmName: `${id}-${qemu.version.major}` });
      return { id, qemu: qemu.name, ...(await this.#judgeStarted(corpusCase, scenario)) };
    } catch (error) {
      const label = truth.kind === "quiet" ? "well" : truth.verdict;
      return { id, qemu: qemu.name, truth: label, shown: "unknown", wrong: [messageOf(error)], notes: [] };
    } finally {
      await scenario?.close();
    }
  }

  /** What the newest report says, with every other VM that the bridge watches. */
  #findings(report: VmReport): Findings {
    return findingsOf(report, this.#bridge.hub.vms.values());
  }

  async close(): Promise<void> {
    await this.#bridge.close();
    for (const lab of this.#labs.values()) await (await lab).close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #judgeStarted(corpusCase: CorpusCase, scenario: LabScenario): Promise<Judged> {
    const vm = scenario.vms[corpusCase.vm ?? 0];
    if (vm === undefined) throw new LabError("The scenario has no such VM");
    const trail = this.#watch(vm.name);
    const { truth } = corpusCase;
    if (corpusCase.startsBroken !== true) {
      await waitFor(
        `${vm.name} to be shown as well`,
        () => (trail.latest?.health.verdict.kind === "healthy" && trail.latest.topologyAgeMs !== undefined ? true : undefined),
        { timeoutMs: SEEN_WITHIN_MS },
      );
    }
    if (truth.kind === "trouble" && truth.serves !== undefined) {
      // What is never read is found wrong at the end; nobody has to wait longer for it than an operator would.
      const isRead = () => (trail.latest !== undefined && isTopologyRead(trail.latest, truth) ? true : undefined);
      await waitFor("topology", isRead, { timeoutMs: TOPOLOGY_WITHIN_MS }).catch(() => {});
    }
    const fromMonoMs = performance.now();
    switch (truth.kind) {
      case "trouble":
        return this.#judgeTrouble(truth, { scenario, trail, fromMonoMs });
      case "passing":
        await scenario.break();
        await waitUntilWell(trail).catch(() => {});
        return judgePassing(truth, trail, fromMonoMs);
      case "quiet": {
        if (findScenario(corpusCase.scenario).kind !== "healthy") await scenario.break();
        await delay(corpusCase.watchMs ?? WATCH_MS);
        return judgeQuiet(truth, trail, fromMonoMs, this.#findings(latest(trail)));
      }
    }
  }

  async #judgeTrouble(
    truth: TroubleTruth,
    { scenario, trail, fromMonoMs }: { scenario: LabScenario; trail: VerdictTrail; fromMonoMs: number },
  ): Promise<Judged> {
    await scenario.break();
    await waitFor("the verdict", () => (trail.latest?.health.verdict.kind === truth.verdict ? true : undefined), {
      timeoutMs: REACHED_WITHIN_MS,
    }).catch(() => {});
    await delay(HELD_FOR_MS);
    const judged = judgeTrouble(truth, trail, fromMonoMs, this.#findings(latest(trail)));
    if (truth.heals === false) return judged;
    await scenario.heal();
    const isWell = await waitUntilWell(trail).then(
      () => true,
      () => false,
    );
    return isWell ? judged : { ...judged, wrong: [...judged.wrong, "it was healed, and is not shown as well"] };
  }

  #watch(name: string): VerdictTrail {
    const trail = new VerdictTrail();
    this.#trails.set(name, trail);
    for (const report of this.#bridge.hub.vms.values()) if (report.name === name) trail.add(report);
    return trail;
  }

  #lab(qemu: Qemu): Promise<Lab> {
    const directory = join(this.#folder, qemu.name);
    const lab = this.#labs.get(qemu.name) ?? openLab({ directory, monitorsDirectory: this.#bridge.monitorsDirectory, qemu });
    this.#labs.set(qemu.name, lab);
    return lab;
  }
}

async function waitUntilWell(trail: VerdictTrail): Promise<void> {
  const isWell = () => (trail.latest?.health.verdict.kind === "healthy" ? true : undefined);
  await waitFor("the VM to be shown as well again", isWell, { timeoutMs: CLOSED_WITHIN_MS });
}

/** What stands on the suspect, and where a node leads; a node that was added just now is read in two steps. */
function isTopologyRead(report: VmReport, { suspect, serves }: TroubleTruth): boolean {
  if (servesOf(report, suspect) !== serves) return false;
  const found = report.instances.find(({ instance }) => instanceKey(instance) === suspect);
  return found?.instance.type !== "block-node" || found.farSide !== undefined;
}

function latest(trail: VerdictTrail): VmReport {
  if (trail.latest === undefined) throw new LabError("Nothing was ever shown of this VM");
  return trail.latest;
}
