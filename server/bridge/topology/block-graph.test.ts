import { describe, expect, it } from "vitest";
import { parseBlockGraph } from "./block-graph.ts";

const driver = (id: number | bigint, name: string) => ({ id, type: "block-driver", name });
const backend = (id: number, name: string) => ({ id, type: "block-backend", name });
const job = (id: number, name: string) => ({ id, type: "block-job", name });
const edge = (parent: number | bigint, child: number | bigint, name: string) => ({ parent, child, name, perm: [], "shared-perm": [] });

describe("the block graph, climbed from a node", () => {
  // As QEMU 7.2 and 11.1 answer it while blockdev-mirror copies the disk nbd1 to tgt.
  const mirror = parseBlockGraph({
    nodes: [
      driver(6, "#block256"),
      driver(8, "tgt"),
      driver(10, "nbd1"),
      job(9, "mir"),
      backend(7, ""),
      backend(5, "/machine/peripheral/d/virtio-backend"),
    ],
    edges: [
      edge(6, 10, "backing"),
      edge(9, 6, "main node"),
      edge(9, 10, "source"),
      edge(9, 8, "target"),
      edge(7, 8, "root"),
      edge(5, 6, "root"),
    ],
  });

  it("tells a mirror's target from the disk it copies", () => {
    expect(mirror?.usersOf("tgt")).toEqual({ backends: [], jobs: [{ jobId: "mir", role: "target" }], unnamedOn: ["tgt"] });
    expect(mirror?.usersOf("nbd1")).toMatchObject({
      backends: [{ name: "/machine/peripheral/d/virtio-backend", through: ["#block256"], isBacking: false }],
      jobs: [{ jobId: "mir", role: "source" }],
    });
  });

  it("does not take a backup's target for a guest's disk because the filter above it is one", () => {
    const backup = parseBlockGraph({
      nodes: [driver(6, "#block366"), driver(8, "tgt"), driver(10, "nbd1"), job(7, "bak"), backend(5, "disk0")],
      edges: [edge(6, 10, "file"), edge(6, 8, "target"), edge(7, 6, "main node"), edge(7, 8, "target"), edge(5, 6, "root")],
    });
    expect(backup?.usersOf("tgt")).toMatchObject({ backends: [], jobs: [{ jobId: "bak", role: "target" }] });
    expect(backup?.usersOf("nbd1").backends).toMatchObject([{ name: "disk0", through: ["#block366"], isImage: true }]);
  });

  it("tells what an image is based on from what holds it, and a job's base from its source", () => {
    // As QEMU 7.2 and 11.1 answer while an overlay is streamed into: its base is read, the overlay written.
    const stream = parseBlockGraph({
      nodes: [driver(1, "over"), driver(2, "ofile"), driver(3, "nbase"), driver(4, "#block892"), job(5, "str0"), backend(6, "vov")],
      edges: [
        edge(4, 1, "file"),
        edge(1, 2, "file"),
        edge(1, 3, "backing"),
        edge(5, 4, "main node"),
        edge(5, 1, "active node"),
        edge(5, 3, "intermediate node"),
        edge(6, 4, "root"),
      ],
    });
    expect(stream?.usersOf("nbase")).toMatchObject({
      backends: [{ through: ["over", "#block892"], isBacking: true, isImage: false }],
      jobs: [{ jobId: "str0", role: "source" }],
    });
    expect(stream?.usersOf("ofile").jobs).toEqual([{ jobId: "str0", role: "target" }]);
  });

  it("ends on a graph that is a circle", () => {
    const circle = parseBlockGraph({ nodes: [driver(1, "a"), driver(2, "b")], edges: [edge(1, 2, "file"), edge(2, 1, "file")] });
    expect(circle?.usersOf("a")).toEqual({ backends: [], jobs: [], unnamedOn: [] });
  });

  it("keeps ids beyond 2^53 apart", () => {
    const graph = parseBlockGraph({
      nodes: [driver(9_007_199_254_740_993n, "a"), driver(9_007_199_254_740_992n, "b"), backend(1, "d")],
      edges: [edge(1, 9_007_199_254_740_993n, "root")],
    });
    expect(graph?.usersOf("a").backends).toHaveLength(1);
    expect(graph?.usersOf("b").backends).toHaveLength(0);
  });

  it("says nothing of a node that it does not have, or where the answer is no graph", () => {
    expect(mirror?.usersOf("other")).toEqual({ backends: [], jobs: [], unnamedOn: [] });
    expect(parseBlockGraph({ nodes: 1 })).toBeUndefined();
  });
});
