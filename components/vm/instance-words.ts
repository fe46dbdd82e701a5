import type { InstanceView } from "#lib/api/vm";
import type { ConnectionState, Serves } from "#lib/vm/instance";

const CONNECTION_WORD: Record<ConnectionState, string> = {
  connected: "connected",
  connecting: "still connecting",
  reconnecting: "waits to reconnect",
  listening: "listening, nobody connected",
  "given-up": "not connected, and not trying again",
  disconnected: "not connected",
  unknown: "connection not known",
};

export function connectionWords(connection: ConnectionState): string {
  return CONNECTION_WORD[connection];
}

/**
 * What cutting it costs, short, for a first look: the plan says it in full before anything is sent.
 * `strong` is the consequence, `text` what follows from it.
 */
export function costOfCut(report: InstanceView): { strong: string; text: string } {
  switch (report.serves.kind) {
    case "guest-disk":
      return { strong: "The disk answers errors until its node is replaced", text: errorPolicyWords(report.serves) };
    case "job-source":
    case "job-target":
      return { strong: "The job ends with an error", text: "its node answers errors until it is replaced; the guest goes on" };
    case "migration-out":
      return { strong: "The migration fails", text: "the guest goes on here; it has to be started again" };
    case "migration-in":
      return { strong: "This incoming VM ends", text: "the process exits; the source goes on" };
    default:
      if (report.isServer) return { strong: "Its reader is disconnected", text: "it listens again at once" };
      if (report.reconnectMs) return { strong: "It is disconnected", text: "it reconnects by itself, to the same far side" };
      return { strong: "It stays disconnected", text: "until somebody reconnects it" };
  }
}

function errorPolicyWords({ werror }: Serves): string {
  switch (werror) {
    case "stop":
      return "the guest stops at its next write (werror=stop)";
    case "ignore":
      return "the guest is told that writes succeeded (werror=ignore)";
    case "report":
    case "enospc":
      return `the guest sees I/O errors (werror=${werror})`;
    case undefined:
      return "the guest's error policy is not known";
  }
}
