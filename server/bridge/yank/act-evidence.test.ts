import { expect, test } from "vitest";
import { MAX_LINK_MESSAGE_BYTES } from "#lib/link/contract";
import type { InstanceReport } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";
import { gatherEvidence } from "./act-evidence.ts";
import type { EvidenceSources } from "./act-evidence.ts";

const NAMED = { type: "block-node", "node-name": "node-400" } as const;

function report(instanceCount: number): VmReport {
  const instances = Array.from({ length: instanceCount }, (_, at): InstanceReport => ({
    instance: { type: "block-node", "node-name": `node-${at}` },
    serves: { kind: "guest-disk", how: "x".repeat(200) },
    connection: "unknown",
    isMonitor: false,
    yankable: true,
  }));
  return { vmId: "vm-1", instances, notices: [] } as unknown as VmReport;
}

function events(count: number, dataBytes: number): EvidenceSources["events"] {
  return Array.from({ length: count }, (_, at) => ({
    name: `EVENT_${at}`,
    data: { text: "x".repeat(dataBytes) },
    ageMs: count - at,
    count: 1,
  }));
}

function sources(over: Partial<EvidenceSources>): EvidenceSources {
  return { report: report(2), yankInstances: [], events: [], named: [], topology: { chardevs: new Map() }, leftOut: [], ...over };
}

test("keeps everything where it fits, the newest 200 events of more", () => {
  const evidence = gatherEvidence(
    sources({ events: events(250, 10), topology: { blockNodes: new Map([["nbd0", { isReadOnly: true }]]) } }),
  );
  expect(evidence.recentEvents).toHaveLength(200);
  expect(evidence.recentEvents.at(-1)).toMatchObject({ name: "EVENT_249", data: { text: "xxxxxxxxxx" } });
  expect(evidence.topology).toEqual({ blockNodes: { nbd0: { isReadOnly: true } } });
  expect(evidence.leftOut).toBeUndefined();
});

test("says that the topology was never read", () => {
  expect(gatherEvidence(sources({ topology: undefined })).leftOut).toEqual(["the topology was not read yet"]);
});

test("leaves out what old events carried before it touches anything else, and says so", () => {
  const evidence = gatherEvidence(sources({ events: events(200, 1_000) }));
  expect(evidence.recentEvents).toHaveLength(200);
  expect(evidence.recentEvents[0]).not.toHaveProperty("data");
  expect(evidence.recentEvents.at(-1)).toHaveProperty("data");
  expect(evidence.topology).toBeDefined();
  expect(evidence.leftOut).toEqual(["what the events but the newest 30 carried: too long"]);
});

test("fits one message of the link whatever a VM brings along, and never loses what the act names", () => {
  const topology = { blockNodes: new Map([["a", { fileName: "x".repeat(500_000) }]]) };
  for (const instanceCount of [300, 450, 5_000]) {
    const evidence = gatherEvidence(sources({ report: report(instanceCount), named: [NAMED], events: events(200, 4_000), topology }));
    expect(Buffer.byteLength(JSON.stringify(evidence))).toBeLessThanOrEqual(MAX_LINK_MESSAGE_BYTES / 2 + 1_000);
    const names = evidence.report.instances.map(({ instance }) => JSON.stringify(instance));
    if (instanceCount > 400) expect(names).toContain(JSON.stringify(NAMED));
    expect(evidence.leftOut).toContain("the topology: too long");
  }
});
