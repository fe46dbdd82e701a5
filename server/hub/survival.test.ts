import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AuditRow } from "#lib/audit/events";
import type { ActRecord } from "#lib/yank/act";
import { FakeBridge } from "../../tests/support/fake-bridge.ts";
import { hungVm, serialConsole } from "../../tests/support/vm-report.ts";
import { RecordFile } from "./audit/record-file.ts";

const CHILD = fileURLToPath(new URL("../../tests/support/hub-child.ts", import.meta.url));
const ROUNDS = 8;
/** From before the ticket to after the verdict; the rounds step through it, so that each run meets every part. */
const KILL_WITHIN_MS = 24;
const VM = "aaaaaa";

let dataDir: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "ripcord-kill-"));
});
afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(dataDir, { recursive: true });
});

async function startChild(port: number): Promise<number> {
  child = spawn(process.execPath, [CHILD, dataDir, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout! })) return Number(line.replace("ready ", ""));
  throw new Error("The hub ended before it was ready");
}

async function killChild(): Promise<void> {
  const exited = once(child!, "exit");
  child!.kill("SIGKILL");
  await exited;
}

/** What is not as it was written in the record that the killed hub left. */
function recordFaults() {
  const record = new RecordFile(dataDir);
  const reports = record.verify();
  record.close();
  expect(reports).toHaveLength(1);
  return reports.flatMap(({ fault }) => fault ?? []);
}

test("a hub that is killed at any point of an act neither loses nor repeats it", async () => {
  const port = await startChild(0);
  const url = `http://127.0.0.1:${port}/api/v1`;
  const token = readFileSync(join(dataDir, "bridge-token"), "utf8").trim();
  const bridge = new FakeBridge({ hubUrl: `http://127.0.0.1:${port}`, token, vms: [hungVm({ vmId: VM, instances: [serialConsole()] })] });
  bridge.onGo = ({ actId }) => {
    const progress = { state: "accepted" as const, verdict: "recovered" as const, aftermath: [], isFinal: true, replyAfterMs: 1 };
    bridge.outcomes.set(actId + VM, { actId, vmId: VM, progress, sentAgeMs: 1 });
    bridge.socket.emit("act:progressed", { actId, vmId: VM, progress, sentAgeMs: 1 }, () => undefined);
    return { ok: true };
  };
  const get = async (path: string): Promise<Record<string, unknown>> => (await (await fetch(url + path)).json()) as Record<string, unknown>;
  const post = (path: string, body: unknown) =>
    fetch(url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const acts = async () => (await get("/acts")).acts as ActRecord[];
  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

  for (let round = 0; round < ROUNDS; round += 1) {
    await until(async () => {
      const [vm] = (await get("/vms")).vms as { actInProgress?: unknown; health: { kind: string } }[];
      expect(vm).toMatchObject({ health: { kind: "main-loop-hung" } });
      expect(vm!.actInProgress).toBeUndefined();
    });
    const plan = (await (
      await post("/plans", { action: "yank", targets: [{ vmId: VM, instances: [{ type: "chardev", id: "ser0" }] }] })
    ).json()) as { planId: string };
    const confirming = post("/acts", { planId: plan.planId }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, (KILL_WITHIN_MS * round) / (ROUNDS - 1)));
    await killChild();
    await confirming;
    expect(recordFaults()).toEqual([]);
    await startChild(port);
    await until(async () => {
      expect((await acts()).flatMap((act) => act.targets).every((target) => target.isFinal)).toBe(true);
    });
    // The record of an act that the bridge carried out says so; of one that it never heard of, that nobody can tell.
    for (const { actId, targets } of await acts()) {
      const wasSent = bridge.gone.some((request) => request.actId === actId);
      expect(targets[0]).toMatchObject(wasSent ? { state: "accepted", verdict: "recovered" } : { state: "unknown", verdict: "unknown" });
    }
  }

  const sent = bridge.gone.map((request) => request.actId);
  expect(new Set(sent).size).toBe(sent.length);
  const rows: AuditRow[] = [];
  for (let before: number | undefined; ; before = rows.at(-1)!.sequence) {
    const page = (await get(`/audit?limit=500${before === undefined ? "" : `&before=${before}`}`)).rows as AuditRow[];
    if (page.length === 0) break;
    rows.push(...page);
    if (rows.at(-1)!.sequence === 1) break;
  }
  expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, index) => rows.length - index));
  const intended = rows.flatMap((row) => (row.event.type === "act-intended" ? [row.event] : []));
  expect(new Set(intended.map((event) => event.planId)).size).toBe(intended.length);
  for (const actId of sent) expect(intended.filter((event) => event.actId === actId)).toHaveLength(1);
  bridge.close();
}, 60_000);
