import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configSchema } from "#lib/config/schema";
import type { ResolvedConfig } from "#server/config/read-config";
import { BRIDGE_TOKEN_FILE, startHub } from "#server/hub/compose";
import type { Hub, HubOptions } from "#server/hub/compose";
import { silentLog } from "#server/log";
import { FakeBridge } from "./fake-bridge.ts";
import type { FakeBridgeOptions } from "./fake-bridge.ts";

export interface TestHub {
  hub: Hub;
  dataDir: string;
  bridge(options?: Partial<FakeBridgeOptions>): FakeBridge;
  /** A call to the API over HTTP; a body makes it a POST. */
  call(path: string, body?: unknown, init?: RequestInit): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  close(): Promise<void>;
}

export function testConfig(dataDir: string, port = 0): ResolvedConfig {
  const config = configSchema.parse({ listen: { port }, bridge: { id: "fake" } });
  return { config, dataDir, bridgeId: "fake", bridgeLabel: "fake" };
}

/** A hub on a free port with a folder of its own, without pages and, unless told, without a token. */
export async function startTestHub(options: Partial<HubOptions> & { dataDir?: string } = {}): Promise<TestHub> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "ripcord-hub-"));
  const hub = await startHub({ resolved: testConfig(dataDir), log: silentLog(), version: "test", isOpen: true, ...options });
  const bridges: FakeBridge[] = [];
  return {
    hub,
    dataDir,
    bridge(overrides = {}) {
      const token = readFileSync(join(dataDir, BRIDGE_TOKEN_FILE), "utf8").trim();
      const bridge = new FakeBridge({ hubUrl: hub.url, token, ...overrides });
      bridges.push(bridge);
      return bridge;
    },
    async call(path, body, init = {}) {
      const post =
        body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const response = await fetch(`${hub.url}${path}`, { ...post, ...init });
      const text = await response.text();
      return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>), headers: response.headers };
    },
    async close() {
      for (const bridge of bridges) bridge.close();
      await hub.close();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true });
    },
  };
}
