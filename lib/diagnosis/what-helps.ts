import { assertNever } from "../assert-never.ts";
import type { UnreachableReason } from "../health/verdict.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { helpForInstances } from "./help-for-instances.ts";
import { helpForMigration } from "./help-for-migration.ts";
import { helpForProcess } from "./help-for-process.ts";
import type { Help } from "./help.ts";
import { isThrottled } from "./suspect-role.ts";
import { qmpLine, shellQuote } from "./quoting.ts";
import type { Suspicion } from "./suspicion.ts";

/**
 * What helps this VM as it is now, the first to try first: waiting, then what loses nothing, the yank last. Empty where
 * nothing is wrong. Pure.
 */
export function whatHelps(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  const { mayStillFinish } = report.health;
  const helps: Help[] = mayStillFinish === undefined ? [] : [{ code: "wait", text: `wait: ${mayStillFinish}` }];
  helps.push(...helpForVerdict(report, suspicions));
  // The same advice for two connections is one line; what it is about differs, so the key goes by the first.
  return helps.filter((help, index) => helps.findIndex(({ code, text }) => code === help.code && text === help.text) === index);
}

function helpForVerdict(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  const { verdict } = report.health;
  switch (verdict.kind) {
    case "main-loop-hung":
      return [
        ...helpForProcess(report),
        ...(verdict.cord === "out-of-reach" ? [OUT_OF_REACH] : []),
        ...helpForMigration(report),
        ...hangHelps(report, suspicions),
      ];
    case "silent":
      return [...helpForProcess(report), ...(verdict.reason === "no-oob" ? [...helpForInstances(report, suspicions), giveMonitor()] : [])];
    case "io-stalled":
      return ioHelps(report, verdict.nodes, suspicions);
    case "migration-stalled":
      return [...helpForMigration(report), ...helpForInstances(report, suspicions)];
    case "guest-stopped":
      return [...helpForMigration(report), ...guestHelps(verdict.runState), ...helpForInstances(report, suspicions)];
    case "monitor-busy":
      return [freeMonitor(report, verdict.peerPid), giveMonitor()];
    case "unreachable":
      return unreachableHelps(report, verdict.reason);
    case "slow":
    case "healthy":
      return helpForMigration(report);
    case "unknown":
      return [];
    default:
      return assertNever(verdict);
  }
}

const OUT_OF_REACH: Help = {
  code: "as-the-reason-says",
  text: "heal the far side: Ripcord came after the hang began, so that no yank can be sent; once the main loop answers, the cord is negotiated by itself",
};

/** A hang that nothing measured explains is not left without a word. */
function hangHelps(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  const helps = helpForInstances(report, suspicions);
  if (helps.length > 0 || report.instances.some(({ isMonitor }) => isMonitor !== true)) return helps;
  return [
    {
      code: "heal-storage",
      text: "look at what this VM stands on (local files, NFS, Ceph, a FIFO or program that QEMU was told to open): it has no connection that yank could cut",
    },
  ];
}

/** A stall that no connection of the VM explains is one of its storage. */
function ioHelps(report: VmReport, nodes: readonly string[], suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  const helps = helpForInstances(report, suspicions);
  const what = nodes.length === 0 ? "the disk" : nodes.join(", ");
  const throttled = report.instances.find(
    (instance) => isThrottled(instance) && suspicions.get(instanceKey(instance.instance))?.score === "possible",
  );
  if (throttled !== undefined) {
    const text = `look at the throttle above ${instanceName(throttled.instance)} first: nothing that was read says that its connection owes an answer`;
    return [{ code: "heal-storage", text }, ...helps];
  }
  if (helps.length > 0) return helps;
  return [
    {
      code: "heal-storage",
      text: `look at what ${what} stands on (local files, NFS, Ceph, a throttle): no connection that yank could cut is known below it`,
    },
  ];
}

function guestHelps(runState: string): Help[] {
  switch (runState) {
    case "io-error":
      return [
        {
          code: "as-the-reason-says",
          text: "heal the disk first, then continue the guest: until then every continue stops it again",
          commands: [qmpLine({ execute: "cont" })],
        },
      ];
    case "guest-panicked":
    case "watchdog":
      return [
        { code: "restart-vm", text: "save what is needed of the guest, then reset it", commands: [qmpLine({ execute: "system_reset" })] },
      ];
    default:
      return [
        { code: "restart-vm", text: "read QEMU's log: it stopped the guest by an error of its own, and only a new start is sure to help" },
      ];
  }
}

function freeMonitor({ address }: VmReport, peerPid: number | undefined): Help {
  const who = peerPid === undefined ? "the program" : `pid ${peerPid}`;
  const command = address.startsWith("/") ? `ss -xpH src ${shellQuote(address)}` : `ss -tpH src ${shellQuote(address)}`;
  return { code: "free-monitor", text: `let ${who} go that holds the monitor: one client at a time is served`, commands: [command] };
}

function giveMonitor(): Help {
  return {
    code: "give-monitor",
    text: "give this VM a monitor of Ripcord's own at its next start",
    commands: ["-chardev socket,id=ripcord,path=/run/ripcord/monitors/NAME.sock,server=on,wait=off -mon chardev=ripcord,mode=control"],
  };
}

function unreachableHelps(report: VmReport, reason: UnreachableReason): Help[] {
  switch (reason) {
    case "process-gone":
      return [{ code: "restart-vm", text: "find out why its process ended (the host's log, a core dump), then start the VM again" }];
    case "not-permitted":
      return [
        {
          code: "as-the-reason-says",
          text: "let the bridge's user open the monitor's socket",
          ...(report.address.startsWith("/") ? { commands: [`ls -l ${shellQuote(report.address)}`] } : {}),
        },
      ];
    case "not-ours":
    case "not-qmp":
      return [giveMonitor()];
    case "no-greeting":
    case "time-out":
    case "lost":
      return helpForProcess(report);
    case "refused":
    case "no-such-socket":
      return [{ code: "as-the-reason-says", text: "start the VM, or give it its monitor back: nobody listens at its address" }];
    default:
      return assertNever(reason);
  }
}
