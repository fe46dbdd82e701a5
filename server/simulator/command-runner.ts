import { COMMANDS } from "./commands/commands.ts";
import type { Lane } from "./commands/command.ts";
import type { SimulatedMachine } from "./machine.ts";
import type { CommandOutcome } from "./main-loop.ts";
import { checkArguments, struct } from "./qapi-type.ts";
import type { WireObject, WireValue } from "./wire-value.ts";

const NO_ARGUMENTS = struct({});

/** The session in which a command came: `qmp_capabilities` changes it. */
export interface CommandSession {
  readonly id: string;
  negotiate(enable: readonly string[]): Exclude<CommandOutcome, { kind: "blocked" }>;
}

export interface CommandCall {
  name: string;
  args: WireObject;
  lane: Lane;
}

/** Looks a command up, checks its arguments, and runs it: late or spoiled where a test asked for that. */
export class CommandRunner {
  readonly #machine: () => SimulatedMachine;
  /** Commands whose replies are invalid JSON from now on. */
  readonly spoiled = new Set<string>();
  /** What is answered to a command instead of the truth. */
  readonly lies = new Map<string, WireValue>();

  constructor(machine: () => SimulatedMachine) {
    this.#machine = machine;
  }

  get hasLatency(): boolean {
    return this.#machine().options.latency !== undefined || this.spoiled.size > 0;
  }

  latencyMs(lane: Lane, command: string): number {
    return this.#machine().options.latency?.(lane, command) ?? 0;
  }

  run(call: CommandCall, session: CommandSession): CommandOutcome {
    const command = COMMANDS.get(call.name);
    if (!command) return { kind: "error", qmpClass: "CommandNotFound", desc: `The command ${call.name} has not been found` };
    if (call.lane === "oob" && !command.allowOob) {
      return { kind: "error", qmpClass: "GenericError", desc: `The command ${call.name} does not support OOB` };
    }
    const problem = checkArguments(command.arguments ?? NO_ARGUMENTS, call.args);
    if (problem !== undefined) return { kind: "error", qmpClass: "GenericError", desc: problem };
    if (call.name === "qmp_capabilities") return this.#negotiate(session, call.args);
    const lie = this.lies.get(call.name);
    if (lie !== undefined) return { kind: "return", value: lie };
    const run = () => this.#spoil(call.name, command.run({ machine: this.#machine(), monitorId: session.id, lane: call.lane }, call.args));
    const afterMs = call.lane === "in-band" ? this.latencyMs("in-band", call.name) : 0;
    return afterMs > 0 ? this.#delay(afterMs, run) : run();
  }

  #negotiate(session: CommandSession, args: WireObject): CommandOutcome {
    const outcome = session.negotiate(stringsOf(args.enable));
    if (outcome.kind === "return") for (const listener of this.#machine().negotiationListeners) listener(session.id);
    return outcome;
  }

  /** A slow command holds the main loop, as a slow command does. */
  #delay(afterMs: number, run: () => CommandOutcome): CommandOutcome {
    const { core } = this.#machine();
    core.schedule(afterMs, core.mainLoop.block());
    return { kind: "blocked", resume: run };
  }

  #spoil(name: string, outcome: CommandOutcome): CommandOutcome {
    if (!this.spoiled.has(name) || outcome.kind !== "return") return outcome;
    return { kind: "return", value: { value: outcome.value, spoiled: Number.POSITIVE_INFINITY } };
  }
}

function stringsOf(value: WireObject[string]): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
