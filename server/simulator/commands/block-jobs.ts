import type { RunningJob } from "../block-jobs.ts";
import type { SimulatedMachine } from "../machine.ts";
import { bool, int, listOf, str, struct } from "../qapi-type.ts";
import type { WireObject } from "../wire-value.ts";
import { done, fails, returns, type SimulatedCommand } from "./command.ts";

/** @see QEMU qapi/job.json, qapi/block-core.json */
export const BLOCK_JOB_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-block-jobs",
    returns: listOf(
      struct({
        type: str,
        device: str,
        len: int,
        offset: int,
        busy: bool,
        paused: bool,
        speed: int,
        "io-status": str,
        ready: bool,
        status: str,
        "auto-finalize": bool,
        "auto-dismiss": bool,
        "*error": str,
      }),
    ),
    run: ({ machine }) => returns(machine.jobs.running.map((job) => describeBlockJob(machine, job))),
  },
  {
    name: "query-jobs",
    returns: listOf(struct({ id: str, type: str, status: str, "current-progress": int, "total-progress": int, "*error": str })),
    run: ({ machine }) =>
      returns(
        machine.jobs.running.map((job): WireObject => {
          const { offset, length } = machine.jobs.progress(job);
          return {
            "current-progress": offset,
            status: statusOf(job),
            "total-progress": length,
            type: job.options.type,
            id: job.options.id,
          };
        }),
      ),
  },
  {
    name: "block-job-cancel",
    arguments: struct({ device: str, "*force": bool }),
    run: ({ machine }, args) => {
      const id = String(args.device);
      return machine.jobs.cancel(id) ? done() : fails(`Block job '${id}' not found`, "DeviceNotActive");
    },
  },
];

function statusOf(job: RunningJob): string {
  return job.isReady ? "ready" : "running";
}

function describeBlockJob(machine: SimulatedMachine, job: RunningJob): WireObject {
  const { offset, length } = machine.jobs.progress(job);
  return {
    "auto-finalize": true,
    "io-status": "ok",
    device: job.options.id,
    "auto-dismiss": true,
    busy: machine.jobs.isBusy(job),
    len: length,
    offset,
    status: statusOf(job),
    paused: false,
    speed: 0,
    ready: job.isReady,
    type: job.options.type,
    "actively-synced": machine.core.traits.hasNewMigration && job.options.type === "mirror" ? false : undefined,
  };
}
