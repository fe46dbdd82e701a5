import { RUN_STATES } from "../../../lib/qapi/run-state.ts";
import { bool, enumOf, int, str, struct } from "../qapi-type.ts";
import { done, fails, returns, type CommandContext, type SimulatedCommand } from "./command.ts";
import type { CommandOutcome } from "../main-loop.ts";

/** Stops, starts, resets and ends the guest. @see QEMU qapi/run-state.json, qapi/misc.json */
export const RUN_STATE_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-status",
    returns: struct({ running: bool, "*singlestep": bool, status: enumOf(RUN_STATES) }),
    run: ({ machine }) => returns(machine.core.status()),
  },
  { name: "stop", run: ({ machine }) => afterDrain(machine.stop(), done) },
  {
    name: "cont",
    run: ({ machine }) => {
      if (machine.core.runState === "postmigrate" || machine.core.runState === "shutdown") {
        return fails("Resetting the Virtual Machine is required");
      }
      machine.cont();
      return done();
    },
  },
  {
    name: "system_reset",
    run: ({ machine }) =>
      // The devices drain their disks before the guest is told anything.
      afterDrain(machine.block.blockOnDrain(), () => {
        machine.core.emit("RESET", { guest: false, reason: "host-qmp-system-reset" });
        return done();
      }),
  },
  {
    name: "system_powerdown",
    run: ({ machine }) => {
      machine.core.emit("POWERDOWN");
      return done();
    },
  },
  {
    name: "quit",
    run: ({ machine }) => {
      machine.quit("host-qmp-quit");
      return done();
    },
  },
  {
    name: "human-monitor-command",
    arguments: struct({ "command-line": str, "*cpu-index": int }),
    returns: str,
    run: (context, args) => returns(runHumanCommand(context, String(args["command-line"]))),
  },
];

function afterDrain(isBlocked: boolean, finish: () => CommandOutcome): CommandOutcome {
  return isBlocked ? { kind: "blocked", resume: finish } : finish();
}

function runHumanCommand({ machine }: CommandContext, line: string): string {
  const io = /^qemu-io\s+(?:-d\s+)?(\S+)\s+"?aio_(?:read|write)\b/.exec(line);
  if (io) {
    const nodeName = io[1] ?? "";
    if (!machine.block.nodes.some((node) => node.nodeName === nodeName))
      return `Error: Cannot find device='' nor node-name='${nodeName}'\r\n`;
    machine.block.startRequest(nodeName);
    return "";
  }
  const isPaused = machine.core.isRunning ? "running" : `paused${machine.core.runState === "paused" ? "" : ` (${machine.core.runState})`}`;
  if (line === "info status") return `VM status: ${isPaused}\r\n`;
  return `unknown command: '${line.split(/\s/)[0] ?? ""}'\r\n`;
}
