import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LabError } from "../lab-error.ts";
import { requireSocketPath } from "../socket-path.ts";
import { type DemoFolders, demoConfig, foldersOf, longestSocketPath } from "./config.ts";

/** One per account, the same in every run, so that the record of an earlier demo is still there. */
export function defaultDataFolder(): string {
  return join(tmpdir(), `ripcord-demo-${process.getuid?.() ?? 0}`);
}

/**
 * Makes the data folder, closed to everyone else. Sockets into VMs will lie in it, so one in /tmp that another account
 * made first is refused.
 * @throws LabError when it is not ours, or so long that no socket fits below it.
 */
export function prepareDataFolder(root: string): DemoFolders {
  const folders = foldersOf(root);
  requireSocketPath(longestSocketPath(folders));
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const stat = lstatSync(root);
  if (!stat.isDirectory()) throw new LabError(`${root} is not a folder: choose another with --data-dir`);
  if (stat.uid !== process.getuid?.()) throw new LabError(`${root} belongs to another account: choose another folder with --data-dir`);
  chmodSync(root, 0o700);
  for (const folder of [folders.monitors, folders.hub, folders.lab]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folders;
}

/** Removes the sockets of an earlier run, whose VMs are gone. Call it only while no VM runs. */
export function removeStaleSockets(folders: DemoFolders): void {
  for (const name of readdirSync(folders.monitors)) rmSync(join(folders.monitors, name), { recursive: true, force: true });
}

export function writeConfig(folders: DemoFolders, port: number): void {
  writeFileSync(folders.config, demoConfig(folders, port), { mode: 0o600 });
}

/** `wanted` if it is free on loopback, else 0, which lets the hub take any. */
export function freePortOrAny(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(0));
    server.listen(wanted, "127.0.0.1", () => server.close(() => resolve(wanted)));
  });
}
