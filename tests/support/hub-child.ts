import { silentLog } from "#server/log";
import { startHub } from "#server/hub/compose";
import { testConfig } from "./hub.ts";

/** A hub without pages as a process of its own, for tests that kill it: `node hub-child.ts DATA_DIR PORT`. */
const [dataDir = "", port = "0"] = process.argv.slice(2);
const hub = await startHub({ resolved: testConfig(dataDir, Number(port)), log: silentLog(), version: "test", isOpen: true });
process.stdout.write(`ready ${hub.port}\n`);
