import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { configSchema } from "#lib/config/schema";
import { startHub } from "#server/hub/compose";
import { silentLog } from "#server/log";
import { answerReadings } from "./answer-readings.ts";

/**
 * A hub without pages in a process of its own, that can be asked what it costs: `hub-host.ts DATA_DIR BRIDGE_ID`. Its
 * address is in `DATA_DIR/url` once it is ready. @see MeasuredChild
 */
const [, , dataDir = "", bridgeId = ""] = process.argv;

const config = configSchema.parse({ listen: { port: 0 }, bridge: { id: bridgeId } });
const hub = await startHub({
  resolved: { config, dataDir, bridgeId, bridgeLabel: bridgeId },
  log: silentLog(),
  version: "bench",
  isOpen: true,
  isSimulated: true,
});
writeFileSync(join(dataDir, "url"), hub.url);
answerReadings({ bytesRead: () => 0, onEnd: () => void hub.close().then(() => process.exit(0)) });
