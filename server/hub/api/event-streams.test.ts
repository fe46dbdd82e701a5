import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { FleetDelta } from "#lib/realtime/events";
import type { FakeBridge } from "../../../tests/support/fake-bridge.ts";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { hungVm, vmReport } from "../../../tests/support/vm-report.ts";
import { MAX_STREAMS } from "./event-streams.ts";

interface Message {
  event: string;
  id?: string;
  data: unknown;
}

let ripcord: TestHub;
let bridge: FakeBridge;
beforeAll(async () => {
  ripcord = await startTestHub();
  bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" }), vmReport({ vmId: "bbbbbb" })] });
  await vi.waitUntil(() => ripcord.hub.fleet.vmCount === 2, { timeout: 5_000 });
});
afterAll(() => ripcord.close());

const here = () => `${ripcord.hub.fleet.epoch}:${ripcord.hub.fleet.revision}`;

async function listen(headers: Record<string, string> = {}) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(`${ripcord.hub.url}/api/v1/stream`, { headers }, resolve).once("error", reject).end();
  });
  let text = "";
  const read = () => response.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const messages = (): Message[] =>
    text
      .split("\n\n")
      .slice(0, -1)
      .map((block) => {
        const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
        return { event: fields.event ?? "", id: fields.id, data: JSON.parse(fields.data ?? "null") as unknown };
      });
  const until = (event: string) =>
    vi.waitUntil(() => messages().find((message) => message.event === event), { timeout: 8_000, interval: 10 });
  return { response, read, messages, until, isClosed: () => response.destroyed || response.readableEnded, close: () => response.destroy() };
}

test("tells the time at once, and what changes after it", async () => {
  const stream = await listen();
  stream.read();
  expect(stream.response.headers["content-type"]).toBe("text/event-stream");
  expect(await stream.until("clock:ticked")).toMatchObject({
    id: here(),
    data: { epoch: ripcord.hub.fleet.epoch, bridges: [{ bridgeId: "fake" }] },
  });
  bridge.set(hungVm({ vmId: "aaaaaa" }));
  const changed = await stream.until("fleet:changed");
  expect(changed.data).toMatchObject({ changed: [{ vmId: "aaaaaa", health: { kind: "main-loop-hung" } }] });
  expect(changed.id).toBe(`${ripcord.hub.fleet.epoch}:${(changed.data as FleetDelta).toRevision}`);
  expect((await stream.until("incident:changed")).data).toMatchObject({ incident: { memberCount: 1 } });
  stream.close();
});

test("goes on from the last event that a client saw", async () => {
  const from = here();
  bridge.set(vmReport({ vmId: "bbbbbb", name: "renamed" }));
  await vi.waitUntil(() => here() !== from);
  const stream = await listen({ "last-event-id": from });
  stream.read();
  expect((await stream.until("fleet:changed")).data).toMatchObject({
    fromRevision: Number(from.split(":")[1]),
    changed: [{ name: "renamed" }],
  });
  stream.close();
});

test.each(["elsewhere:1", "nonsense", "x".repeat(5_000), "a:-1", "a:99999999999999999999"])(
  "says that one who comes from %j has to fetch again",
  async (lastEventId) => {
    const stream = await listen({ "last-event-id": lastEventId });
    stream.read();
    expect(await stream.until("fleet:outdated")).toMatchObject({ id: here(), data: { epoch: ripcord.hub.fleet.epoch } });
    stream.close();
  },
);

test("an act is told as it goes on", async () => {
  const stream = await listen();
  stream.read();
  const instances = [{ type: "block-node", "node-name": "nbd0" }];
  const plan = await ripcord.call("/api/v1/plans", { action: "yank", targets: [{ vmId: "aaaaaa", instances }] });
  await ripcord.call("/api/v1/acts", { planId: plan.body.planId, typedName: "aaaaaa" });
  expect((await stream.until("act:changed")).data).toMatchObject({ planId: plan.body.planId, targets: [{ vmId: "aaaaaa" }] });
  stream.close();
});

test("no more than so many at once; one that leaves makes room", async () => {
  const streams = await Promise.all(Array.from({ length: MAX_STREAMS }, () => listen()));
  expect(await ripcord.call("/api/v1/stream")).toMatchObject({ status: 503, body: { code: "too-many-streams" } });
  for (const stream of streams) stream.close();
  await vi.waitFor(async () => {
    const again = await listen();
    again.close();
    expect(again.response.statusCode).toBe(200);
  });
});
