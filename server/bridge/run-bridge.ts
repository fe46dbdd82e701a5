import { mkdirSync, readFileSync } from "node:fs";
import type { Logger } from "pino";
import type { Config } from "#lib/config/schema";
import { LINK_VERSION } from "#lib/link/contract";
import type { ControlReply, ControlRequest } from "#lib/link/contract";
import { systemClock } from "#server/qmp/clock";
import { makeEpoch, startBridge } from "./compose.ts";
import type { RunningBridge } from "./compose.ts";
import { defaultBridgeId, defaultBridgeLabel } from "./config.ts";
import { readOrMakeBridgeToken } from "./control/bridge-token.ts";
import { ControlSocket } from "./control/control-socket.ts";

export interface RunBridgeOptions {
  config: Config;
  dataDir: string;
  logger: Logger;
  /** Where the hub listens, where that is known; absent, a hub adopts this bridge through its control socket. */
  hubUrl?: string;
  isSimulated?: boolean;
  /** Reads the config again for SIGHUP and `reload`. @throws Error with words for the operator: the old config then stays. */
  reloadConfig?: () => Config | Promise<Config>;
}

/**
 * The `bridge` process: takes the data folder's lock, reads or makes the token, starts, and goes on until SIGTERM, SIGINT
 * or `stop` on the control socket. Resolves when all is closed.
 * @throws BridgeRunsAlreadyError where this data folder has its bridge.
 */
export async function runBridge(options: RunBridgeOptions): Promise<void> {
  const { config, dataDir, logger } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const epoch = makeEpoch();
  const bridgeId = defaultBridgeId(config);
  const stopped = Promise.withResolvers<void>();
  let bridge: RunningBridge | undefined;

  const identity = (): ControlReply => ({
    ok: true,
    bridgeId,
    epoch,
    pid: process.pid,
    linkVersion: LINK_VERSION,
    ...(bridge?.hubUrl === undefined ? {} : { hubUrl: bridge.hubUrl }),
  });
  const answer = async (request: ControlRequest): Promise<ControlReply> => {
    switch (request.op) {
      case "hello":
        return identity();
      case "adopt":
        (await ready.promise).adopt(request.hubUrl);
        return identity();
      case "reload":
        await reload(await ready.promise);
        return identity();
      case "stop":
        stopped.resolve();
        return identity();
    }
  };
  const ready = Promise.withResolvers<RunningBridge>();
  // The rejection is the caller's to see; whoever asks on the control socket hears of it through its closing.
  ready.promise.catch(() => {});
  const control = await ControlSocket.take(dataDir, systemClock, answer);

  const handleStop = (): void => stopped.resolve();
  const handleReload = (): void => {
    if (bridge) void reload(bridge).catch(() => {});
  };
  const handleUncaught = (error: unknown): void => {
    // One VM's or one message's bug must not take the sessions of all others with it: they could not be made again
    // during a hang. What cannot be told is what this one left half done, so it is said, and shown.
    logger.error({ err: error }, "an error that nobody caught; the bridge goes on");
    bridge?.note("uncaught", `The bridge met an error of its own and went on: ${error instanceof Error ? error.message : String(error)}`);
  };

  async function reload(running: RunningBridge): Promise<void> {
    try {
      const next = await options.reloadConfig?.();
      if (!next) return;
      running.reload(next);
      running.note("reload", undefined);
      logger.info("the config was read again");
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      logger.error({ err: error }, "the config could not be read again; the old one stays");
      running.note("reload", `The changed config is not in force: ${text}`);
      throw error;
    }
  }

  process.on("SIGTERM", handleStop);
  process.on("SIGINT", handleStop);
  process.on("SIGHUP", handleReload);
  process.on("uncaughtException", handleUncaught);
  process.on("unhandledRejection", handleUncaught);
  try {
    const token = config.hub ? readFileSync(config.hub.tokenFile, "utf8").trim() : readOrMakeBridgeToken(dataDir);
    bridge = await startBridge({
      config,
      dataDir,
      bridgeId,
      label: defaultBridgeLabel(config),
      token,
      epoch,
      hubUrl: options.hubUrl ?? config.hub?.url,
      isSimulated: options.isSimulated,
      logger,
    });
    ready.resolve(bridge);
    logger.info({ bridgeId, epoch: bridge.epoch, dataDir }, "the bridge watches");
    await stopped.promise;
    logger.info("the bridge stops");
  } catch (error) {
    ready.reject(error);
    throw error;
  } finally {
    await bridge?.close();
    await control.close();
    process.off("SIGTERM", handleStop);
    process.off("SIGINT", handleStop);
    process.off("SIGHUP", handleReload);
    process.off("uncaughtException", handleUncaught);
    process.off("unhandledRejection", handleUncaught);
  }
}
