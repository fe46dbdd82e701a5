import { join } from "node:path";
import { DEMO_TAGS } from "./fleet.ts";

/** Where everything of one demo lies. */
export interface DemoFolders {
  root: string;
  config: string;
  monitors: string;
  /** The lab's own: images, NBD servers' sockets, the ledger. */
  lab: string;
  /** The hub's and the bridge's `dataDir`. */
  hub: string;
  hubLog: string;
}

export function foldersOf(root: string): DemoFolders {
  return {
    root,
    config: join(root, "ripcord.yaml"),
    monitors: join(root, "monitors"),
    lab: join(root, "lab"),
    hub: join(root, "hub"),
    hubLog: join(root, "hub.log"),
  };
}

/** The longest socket that any VM of the demo has below the data folder, for a word before anything is started. */
export function longestSocketPath(folders: DemoFolders): string {
  return join(folders.lab, "build-07-arriving-console", "migration.sock");
}

/** The text of the `ripcord.yaml` that hub and bridge of the demo run with. */
export function demoConfig(folders: DemoFolders, port: number): string {
  // JSON strings are YAML strings, so a path may hold anything.
  const tags = DEMO_TAGS.map(({ match, tags: names }) => `  - match: ${JSON.stringify(match)}\n    tags: [${names.join(", ")}]\n`);
  return `# Written by "./ripcord demo" at each start: changes are lost.
listen:
  host: 127.0.0.1
  port: ${port}
dataDir: ${JSON.stringify(folders.hub)}
bridge:
  id: demo
  label: kvm-demo
  monitors:
    - path: ${JSON.stringify(join(folders.monitors, "*.sock"))}
vms:
${tags.join("")}`;
}
