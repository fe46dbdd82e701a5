import { isIPv4 } from "node:net";

/** Whether only this machine can reach a listener on `host`. Other names are not looked up: an answer can change. */
export function isLoopbackHost(host: string): boolean {
  if (host === "localhost" || host === "::1" || host === "[::1]") return true;
  return isIPv4(host) && host.startsWith("127.");
}

export const LOOPBACK_ONLY =
  "must be a loopback address (127.0.0.0/8, ::1 or localhost): Ripcord has no users yet, and whoever reaches it can yank. " +
  "To use it from elsewhere, forward the port, for example with ssh -L";
