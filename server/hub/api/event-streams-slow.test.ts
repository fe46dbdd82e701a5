import { expect, test } from "vitest";
import type { FleetDelta } from "#lib/realtime/events";
import type { IncidentSummary } from "#lib/incident/incident";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { EventStreams } from "./event-streams.ts";

/** A fleet whose one VM changes with every revision, in a row of `rowBytes`. */
function setUp(rowBytes = 1_000) {
  const clock = new ManualClock(0);
  const fleet = {
    epoch: "e",
    revision: 0,
    bridges: () => [],
    deltaSince: (_epoch: string, from: number) => ({
      epoch: "e",
      fromRevision: from,
      toRevision: fleet.revision,
      changed: from < fleet.revision ? [{ name: "x".repeat(rowBytes) }] : [],
      removed: [],
    }),
  };
  const streams = new EventStreams(fleet as unknown as Fleet, clock);
  const change = () => {
    fleet.revision += 1;
    streams.rowsChanged();
    clock.advance(100);
  };
  return { clock, fleet, streams, change };
}

/** What waits in a stream and comes until `revision` was told. */
async function readTo(
  stream: ReadableStream<Uint8Array>,
  revision: number,
): Promise<{ bytes: number; deltas: FleetDelta[]; text: string }> {
  let text = "";
  for await (const chunk of stream.values({ preventCancel: true })) {
    text += Buffer.from(chunk).toString();
    if (text.includes(`"toRevision":${revision}`)) break;
  }
  const deltas = Array.from(
    text.matchAll(/event: fleet:changed\nid: .*\ndata: (.*)\n/g),
    ([, data]) => JSON.parse(data ?? "") as FleetDelta,
  );
  return { bytes: text.length, deltas, text };
}

test("a client that does not read gets the latest state and no queue", async () => {
  const { streams, change } = setUp();
  const stream = streams.open({ isBySession: false });
  for (let index = 0; index < 10_000; index += 1) change();
  const { bytes, deltas } = await readTo(stream!, 10_000);
  // Ten thousand rows of a kilobyte would be ten million bytes.
  expect(bytes).toBeLessThan(600_000);
  expect(deltas.at(-1)).toMatchObject({ toRevision: 10_000 });
  // What it gets joins on without a gap.
  for (const [index, delta] of deltas.entries()) expect(delta.fromRevision).toBe(deltas[index - 1]?.toRevision ?? 0);
  streams.close();
});

test("of each incident a slow client gets the latest alone, and where there are too many it fetches again", async () => {
  const { streams, change, fleet } = setUp(300_000);
  const incident = (incidentId: string, revision: number) => ({ incidentId, revision }) as IncidentSummary;
  const stream = streams.open({ isBySession: false });
  change();
  for (let revision = 0; revision < 100; revision += 1) streams.incidentsChanged([incident("inc-1", revision)]);
  fleet.revision += 1;
  const { text } = await readTo(stream!, 2);
  expect(text.match(/event: incident:changed/g)).toHaveLength(1);
  expect(text).toContain('"incidentId":"inc-1","revision":99');

  const other = streams.open({ isBySession: false });
  change();
  for (let index = 0; index < 300; index += 1) streams.incidentsChanged([incident(`inc-${index}`, 1)]);
  const reader = other!.getReader();
  const texts = [await reader.read(), await reader.read(), await reader.read()].map(({ value }) => Buffer.from(value ?? []).toString());
  expect(texts.join("")).toContain("event: fleet:outdated");
  streams.close();
});

test("what a session's cookie let in ends with it, others go on; closing ends all", async () => {
  const { streams } = setUp();
  streams.open({ isBySession: true });
  streams.open({ isBySession: false });
  streams.endSessions();
  expect(streams.count).toBe(1);
  streams.close();
  expect(streams.count).toBe(0);
});
