import { describe, expect, it } from "vitest";
import { refreshConnections } from "./refresh-connections.ts";
import type { Topology } from "./topology.ts";

const console0 = { isConnected: false, isServer: true, isMux: false, address: "unix:/run/console0.sock" };
const topology: Topology = {
  chardevs: new Map([["console0", console0]]),
  owners: new Map(),
  areMonitorsObjects: false,
  blockNodes: new Map(),
};

const answering = (answer: unknown) => {
  const asked: string[] = [];
  const ask = (command: string) => {
    asked.push(command);
    return Promise.resolve(answer);
  };
  return { asked, ask };
};

describe("refreshing connections", () => {
  it("sees that somebody connected, with the one command that touches no storage", async () => {
    const { asked, ask } = answering([{ label: "console0", filename: "unix:/run/console0.sock,server=on", "frontend-open": true }]);
    const refreshed = await refreshConnections(ask, topology);
    expect(refreshed.chardevs?.get("console0")).toEqual({ ...console0, isConnected: true });
    expect(refreshed.owners).toBe(topology.owners);
    expect(asked).toEqual(["query-chardev"]);
  });

  it("keeps the same topology where nothing changed, nothing can be read, or a chardev is not known", async () => {
    const same = [{ label: "console0", filename: "disconnected:unix:/run/console0.sock,server=on" }];
    for (const answer of [same, "garbage", [], [{ label: "other", filename: "unix:/x,server=on" }]]) {
      expect(await refreshConnections(answering(answer).ask, topology)).toBe(topology);
    }
  });

  it("rejects when in-band has turned slow, so that nothing is published", async () => {
    await expect(refreshConnections(() => Promise.reject(new Error("slow")), topology)).rejects.toThrow("slow");
  });
});
