import { expect, test } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import type { HostAnswer, HostQuestion } from "../proc/host-reading.ts";
import { KnownVm } from "../vm/known-vm.ts";
import { HostWatch } from "./host-watch.ts";
import type { WatchedVm } from "./host-watch.ts";

class Vm implements WatchedVm {
  known = new KnownVm("start");
  isSimulated = false;
  reads: boolean[] = [];
  constructor(pid?: number) {
    this.known.incarnation = pid === undefined ? { id: "c-1", by: "connection" } : { id: `p${pid}`, pid, by: "process" };
  }
  onHostRead(isNews: boolean): void {
    this.reads.push(isNews);
  }
}

function start() {
  const clock = new ManualClock();
  const asked: HostQuestion[] = [];
  let answer = (question: HostQuestion): Promise<HostAnswer | undefined> =>
    Promise.resolve({
      tookMs: 1,
      processes: question.targets.map(({ pid, withThreads }) => ({
        pid,
        state: "S",
        sockets: { list: [] },
        ...(withThreads ? { threads: [{ tid: pid, role: "main" as const, name: "qemu", state: "S" }] } : {}),
      })),
    });
  const watch = new HostWatch(
    {
      readHost: (question) => {
        asked.push(question);
        return answer(question);
      },
    },
    clock,
  );
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(100);
      await new Promise((resume) => setImmediate(resume));
    }
  };
  return { clock, asked, watch, pass, answerWith: (next: typeof answer) => (answer = next) };
}

test("reads nothing while nobody wants anything, and all who want it together", async () => {
  const { asked, watch, pass } = start();
  await pass(3_000);
  expect(asked).toEqual([]);
  const vms = [new Vm(1), new Vm(2), new Vm(3)];
  for (const vm of vms) watch.want(vm);
  await pass(200);
  expect(asked.map(({ targets }) => targets.map(({ pid }) => pid))).toEqual([[1, 2, 3]]);
  expect(vms.map((vm) => vm.known.hostIfAny?.process(0)?.condition)).toEqual(["alive", "alive", "alive"]);
  watch.close();
});

test("reads at most once a second, however often it is asked for, and stops by itself", async () => {
  const { asked, watch, pass } = start();
  const vm = new Vm(1);
  for (let moment = 0; moment < 50; moment++) {
    watch.want(vm);
    await pass(100);
  }
  expect(asked.length).toBeGreaterThanOrEqual(5);
  expect(asked.length).toBeLessThanOrEqual(6);
  await pass(6_000);
  const before = asked.length;
  await pass(5_000);
  expect(asked.length).toBe(before);
  // Nothing that ages stays with it.
  expect(vm.known.hostIfAny).toBeUndefined();
  watch.close();
});

test("does not ask again while an answer is awaited", async () => {
  const { asked, watch, pass, answerWith } = start();
  answerWith(() => new Promise(() => {}));
  const vm = new Vm(1);
  for (let second = 0; second < 5; second++) {
    watch.want(vm);
    await pass(1_000);
  }
  expect(asked).toHaveLength(1);
  watch.close();
});

test("tells what could not be read, and never guesses", async () => {
  const { watch, pass, answerWith } = start();
  answerWith(() => Promise.resolve(undefined));
  const late = new Vm(1);
  const unknown = new Vm();
  watch.want(late);
  watch.want(unknown);
  await pass(200);
  expect(late.known.hostIfAny?.sockets("block-node:nbd0")).toMatchObject({ kind: "unread", why: "time-out" });
  expect(unknown.known.hostIfAny?.sockets("block-node:nbd0")).toMatchObject({ kind: "unread", why: "no-process" });
  watch.close();
});

test("reads everybody's threads in turn where there are too many for one second", async () => {
  const { asked, watch, pass } = start();
  const vms = Array.from({ length: 100 }, (_, at) => new Vm(at + 1));
  for (let second = 0; second < 3; second++) {
    for (const vm of vms) watch.want(vm);
    await pass(1_000);
  }
  expect(asked[0]?.targets).toHaveLength(100);
  const withThreads = new Set(asked.flatMap(({ targets }) => targets.filter((each) => each.withThreads).map(({ pid }) => pid)));
  expect(withThreads.size).toBe(100);
  for (const { targets } of asked) expect(targets.filter((each) => each.withThreads).length).toBeLessThanOrEqual(40);
  watch.close();
});

test("does not file a reading with the process that took its place", async () => {
  const { watch, pass, answerWith } = start();
  const vm = new Vm(1);
  answerWith((question) => {
    vm.known = new KnownVm("next");
    return Promise.resolve({ tookMs: 1, processes: question.targets.map(({ pid }) => ({ pid, state: "S", sockets: { list: [] } })) });
  });
  watch.want(vm);
  await pass(200);
  expect(vm.known.hostIfAny).toBeUndefined();
  expect(vm.reads).toEqual([]);
  watch.close();
});

test("an act waits for a fresh reading only so long", async () => {
  const { clock, watch, pass, answerWith } = start();
  const vm = new Vm(1);
  const fresh = watch.freshen(vm, 700);
  await pass(100);
  expect(await fresh).toBe(true);
  answerWith(() => new Promise(() => {}));
  clock.advance(10);
  const late = watch.freshen(vm, 700);
  await pass(800);
  expect(await late).toBe(false);
  watch.close();
});
