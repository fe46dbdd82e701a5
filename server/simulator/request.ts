import { isWireObject, type WireValue } from "./wire-value.ts";

/** One request as QEMU understood it, or why it did not. */
export type CheckedRequest =
  { kind: "command"; name: string; isOob: boolean; args: WireValue | undefined } | { kind: "malformed"; desc: string };

/**
 * What QEMU checks before it looks a command up.
 * @param hasOob whether this session negotiated `oob`; without it the member `exec-oob` does not exist.
 */
export function checkRequest(request: WireValue, hasOob: boolean): CheckedRequest {
  if (!isWireObject(request)) return { kind: "malformed", desc: "QMP input must be a JSON object" };
  let name: string | undefined;
  let isOob = false;
  for (const member of Object.keys(request)) {
    const value = request[member];
    if (member === "id") continue;
    if (member === "arguments") {
      if (!isWireObject(value)) return { kind: "malformed", desc: "QMP input member 'arguments' must be an object" };
    } else if (member === "execute" || (member === "exec-oob" && hasOob)) {
      if (typeof value !== "string") return { kind: "malformed", desc: `QMP input member '${member}' must be a string` };
      if (name !== undefined) return { kind: "malformed", desc: "QMP input member 'execute' clashes with 'exec-oob'" };
      name = value;
      isOob = member === "exec-oob";
    } else return { kind: "malformed", desc: `QMP input member '${member}' is unexpected` };
  }
  if (name === undefined) return { kind: "malformed", desc: "QMP input lacks member 'execute'" };
  return { kind: "command", name, isOob, args: request.arguments };
}

/** Out-of-band requests never see the queue, whatever comes of them. */
export function isSentOutOfBand(request: WireValue): boolean {
  return isWireObject(request) && "exec-oob" in request && !("execute" in request);
}
