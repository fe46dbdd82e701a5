import { delimiter, join } from "node:path";
import { access, constants } from "node:fs/promises";
import { describe, onTestFinished } from "vitest";
import { QmpClient, type QmpClientOptions } from "#server/qmp/client";
import type { ContractPeer, ContractVm, ContractVmOptions } from "./peer.ts";
import { qemuPeer, type QemuPrograms } from "./qemu-peer.ts";
import { simulatorPeer } from "./simulator-peer.ts";

/** A QEMU that should have been there. */
export interface MissingPeer {
  readonly name: string;
  readonly reason: string;
}

const COMMANDS = new Set(["query-status", "query-yank", "yank", "query-name", "query-version", "stop", "cont", "migrate-set-capabilities"]);

/**
 * Every peer of this machine: the simulator, the PATH's QEMU, and those of RIPCORD_QEMUS (`name=prefix,…`, each with
 * `prefix/bin/qemu-system-x86_64` and `qemu-nbd`; scripts/setup-qemu.sh prints such a value).
 */
export const { peers, missingPeers, realVersions } = await findPeers();

/** Runs the same cases against every peer. */
export function describePeers(title: string, cases: (peer: ContractPeer) => void): void {
  describe.each(peers.map((peer) => ({ name: peer.name, peer })))(`${title}: $name`, ({ peer }) => cases(peer));
}

/** Starts a VM for the running test, and ends it with the test. */
export async function startVm(peer: ContractPeer, options?: ContractVmOptions): Promise<ContractVm> {
  const vm = await peer.start(options);
  onTestFinished(() => vm.close());
  return vm;
}

/** A client for the running test, not yet connected; patient, because machines under test are slow at times. */
export function makeClient(path: string, options: Partial<QmpClientOptions> = {}): QmpClient {
  const client = new QmpClient({
    address: { path },
    allowedCommands: COMMANDS,
    inBandWindow: 1,
    connectTimeoutMs: 10_000,
    greetingTimeoutMs: 10_000,
    negotiationTimeoutMs: 10_000,
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

export async function openClient(path: string, options: Partial<QmpClientOptions> = {}): Promise<QmpClient> {
  const client = makeClient(path, options);
  await client.connect();
  return client;
}

async function findPeers(): Promise<{ peers: ContractPeer[]; missingPeers: MissingPeer[]; realVersions: string[] }> {
  const found: ContractPeer[] = [simulatorPeer("7.2"), simulatorPeer("11.1")];
  const missing: MissingPeer[] = [];
  const versions: string[] = [];
  for (const programs of [await systemPrograms(), ...configuredPrograms(process.env["RIPCORD_QEMUS"] ?? "")]) {
    try {
      const peer = await qemuPeer(programs);
      await access(programs.nbd, constants.X_OK);
      found.push(peer);
      versions.push(peer.version);
    } catch (error) {
      missing.push({ name: programs.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { peers: found, missingPeers: missing, realVersions: versions };
}

async function systemPrograms(): Promise<QemuPrograms> {
  return { name: "system", system: await onPath("qemu-system-x86_64"), nbd: await onPath("qemu-nbd") };
}

function configuredPrograms(value: string): QemuPrograms[] {
  return value
    .split(",")
    .filter((entry) => entry.trim() !== "")
    .map((entry) => {
      const [name = "", ...rest] = entry.trim().split("=");
      const prefix = rest.join("=");
      return { name, system: join(prefix, "bin/qemu-system-x86_64"), nbd: join(prefix, "bin/qemu-nbd") };
    });
}

/** The full path of a program of the PATH; its bare name where there is none, so that running it says so. */
async function onPath(program: string): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, program);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return program;
}
