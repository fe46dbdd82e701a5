import { pino } from "pino";
import { configSchema } from "#lib/config/schema";
import { startBridge } from "#server/bridge/compose";
import { answerReadings } from "./answer-readings.ts";

/**
 * A bridge in a process of its own, as it is in production, that can be asked what it costs:
 * `bridge-host.ts MONITORS_GLOB DATA_DIR HUB_URL`. @see MeasuredChild
 */
const [, , monitorsGlob = "", dataDir = "", hubUrl = ""] = process.argv;

const bridge = await startBridge({
  config: configSchema.parse({ bridge: { monitors: [{ path: monitorsGlob }] } }),
  dataDir,
  bridgeId: "bench",
  label: "bench",
  token: "bench",
  hubUrl,
  isSimulated: true,
  logger: pino({ level: "warn" }, pino.destination(2)),
});
answerReadings({
  bytesRead: () => bridge.registry.listedIds().reduce((sum, vmId) => sum + (bridge.registry.detail(vmId)?.counters.bytesRead ?? 0), 0),
  onEnd: () => void bridge.close().then(() => process.exit(0)),
});
