import type { QmpErrorClass } from "#lib/qapi/errors";
import type { QmpEvent } from "#lib/qapi/events";
import type { QemuVersion, QmpGreeting } from "#lib/qapi/greeting";
import { writeJson } from "./json.ts";

/**
 * A whole message, by kind. Checked by hand, not by a schema: thousands of monitors answer every second. `id` is whatever
 * the peer sent; errors raised before a request is understood carry none. `other`: an object of no kind we know.
 * @see QEMU docs/interop/qmp-spec.rst
 */
export type QmpMessage =
  | { readonly kind: "return"; readonly id: unknown; readonly value: unknown }
  | { readonly kind: "error"; readonly id: unknown; readonly qmpClass: QmpErrorClass; readonly desc: string }
  | { readonly kind: "event"; readonly event: QmpEvent }
  | { readonly kind: "greeting"; readonly greeting: QmpGreeting }
  | { readonly kind: "other" };

type JsonObject = Record<string, unknown>;

const NO_DATA: QmpEvent["data"] = Object.freeze({});
const OTHER: QmpMessage = { kind: "other" };

export function readMessage(object: unknown): QmpMessage {
  if (!isObject(object)) return OTHER;
  if (object["return"] !== undefined) return { kind: "return", id: object["id"], value: object["return"] };
  const error = object["error"];
  if (isObject(error)) {
    const { class: qmpClass, desc } = error;
    return {
      kind: "error",
      id: object["id"],
      qmpClass: typeof qmpClass === "string" ? qmpClass : "GenericError",
      desc: typeof desc === "string" ? desc : "",
    };
  }
  const name = object["event"];
  if (typeof name === "string") {
    const data = object["data"];
    return { kind: "event", event: { event: name, data: isObject(data) ? data : NO_DATA, atMs: readTimestamp(object["timestamp"]) } };
  }
  const greeting = readGreeting(object["QMP"]);
  return greeting === undefined ? OTHER : { kind: "greeting", greeting };
}

/** The text of one request on a line of its own, for whoever reads along: QEMU needs no line end. `command` and `id` must need no escaping. */
export function encodeRequest(verb: "execute" | "exec-oob", command: string, args: object | undefined, id: string): string {
  const head = `{"${verb}":"${command}"`;
  return args === undefined ? `${head},"id":"${id}"}\n` : `${head},"arguments":${writeJson(args)},"id":"${id}"}\n`;
}

/** Seconds and microseconds become Unix milliseconds; -1/-1 means that the host's clock failed. */
function readTimestamp(timestamp: unknown): number | undefined {
  if (!isObject(timestamp)) return undefined;
  const { seconds, microseconds } = timestamp;
  if (typeof seconds !== "number" || typeof microseconds !== "number" || seconds < 0 || microseconds < 0) return undefined;
  return seconds * 1_000 + microseconds / 1_000;
}

function readGreeting(body: unknown): QmpGreeting | undefined {
  if (!isObject(body)) return undefined;
  const { version, capabilities } = body;
  if (!isObject(version) || !isObject(version["qemu"]) || !Array.isArray(capabilities)) return undefined;
  const { major, minor, micro } = version["qemu"];
  if (typeof major !== "number" || typeof minor !== "number" || typeof micro !== "number") return undefined;
  const qemu: QemuVersion = { major, minor, micro, package: typeof version["package"] === "string" ? version["package"] : "" };
  return { version: qemu, capabilities: capabilities.filter((capability) => typeof capability === "string") };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
