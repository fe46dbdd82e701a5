import { QmpConnectError, type QmpConnectCode } from "./errors.ts";
import type { QmpCloseReason } from "./session-state.ts";

const CONNECT_CODES: Readonly<Record<string, QmpConnectCode>> = {
  ECONNREFUSED: "refused",
  ENOENT: "no-such-socket",
  EACCES: "not-permitted",
  EPERM: "not-permitted",
  // A unix socket whose backlog is full answers so instead of making us wait.
  EAGAIN: "backlog-full",
  ETIMEDOUT: "connect-timeout",
};

const CONNECT_MESSAGES: Readonly<Record<QmpConnectCode, string>> = {
  refused: "Nobody listens at the monitor's address",
  "no-such-socket": "There is no such monitor socket",
  "not-permitted": "Connecting to the monitor is not permitted",
  "backlog-full": "So many clients wait for this monitor that the kernel takes no more",
  "connect-timeout": "The monitor did not accept the connection in time",
  "connect-failed": "Connecting to the monitor failed",
};

/** What the system said when we dialled, as a close reason. */
export function connectFailure(cause: Error | undefined): QmpCloseReason {
  const systemCode = cause !== undefined && "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const code = CONNECT_CODES[systemCode] ?? "connect-failed";
  return { kind: code, error: new QmpConnectError(code, CONNECT_MESSAGES[code], cause) };
}
