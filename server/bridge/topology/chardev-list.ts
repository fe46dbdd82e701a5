import { z } from "zod";
import type { ChardevReading } from "./topology.ts";

const MAX_CHARDEVS = 4_096;
const elementSchema = z.object({ label: z.string().min(1).max(1_024), filename: z.string().max(8_192) });

/**
 * `query-chardev`'s answer; undefined where it is no list. Only the `disconnected:` prefix is a statement about the
 * connection: the rest of a client's file name differs between versions and is empty for a unix client up to 9.2.
 * @see QEMU chardev/char-socket.c, qemu_chr_socket_address; facts sheet 7.2
 */
export function parseChardevs(answer: unknown): Map<string, ChardevReading> | undefined {
  if (!Array.isArray(answer)) return undefined;
  const chardevs = new Map<string, ChardevReading>();
  for (const element of answer.slice(0, MAX_CHARDEVS)) {
    const checked = elementSchema.safeParse(element);
    if (!checked.success) continue;
    const reading = parseFileName(checked.data.filename);
    if (reading) chardevs.set(checked.data.label, reading);
  }
  return chardevs;
}

function parseFileName(fileName: string): ChardevReading | undefined {
  if (fileName === "mux") return { isConnected: true, isServer: false, isMux: true };
  const isConnected = !fileName.startsWith("disconnected:");
  const rest = isConnected ? fileName : fileName.slice("disconnected:".length);
  const kind = /^(unix|tcp|telnet|websocket|vsock|fd):/.exec(rest)?.[1];
  if (kind === undefined) return undefined;
  // A connected server reads "tcp:LOCAL:PORT,server=on <-> PEER:PORT", a connected client "tcp:LOCAL:PORT <-> PEER:PORT".
  const [local = "", peer] = rest.split(" <-> ");
  const isServer = /,server(=on)?$/.test(local);
  const named = isServer || peer === undefined ? local.replace(/,server(=on)?$/, "").slice(kind.length + 1) : peer;
  const scheme = kind === "unix" ? "unix" : "tcp";
  return { isConnected, isServer, isMux: false, address: named === "" ? undefined : `${scheme}:${named}` };
}
