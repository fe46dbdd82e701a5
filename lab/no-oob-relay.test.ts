import { expect, test } from "vitest";
import { refuseOob, stripGreeting } from "./no-oob-relay.ts";

test("takes oob out of the greeting and nothing else out of anything", () => {
  const greeting = '{"QMP": {"version": {"package": "Debian"}, "capabilities": ["oob", "other"]}}\r\n';
  expect(JSON.parse(stripGreeting(greeting))).toEqual({ QMP: { version: { package: "Debian" }, capabilities: ["other"] } });
  const event = '{"timestamp": {}, "event": "STOP"}\r\n';
  expect(stripGreeting(event)).toBe(event);
});

test("refuses to enable oob as a monitor without it does, and passes every other line on", () => {
  const replies: string[] = [];
  const reply = (line: string) => replies.push(line);
  expect(refuseOob('{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"h1"}\n', reply)).toBeUndefined();
  expect(JSON.parse(replies[0] ?? "")).toEqual({ id: "h1", error: { class: "GenericError", desc: "Capability oob not available" } });
  for (const line of ['{"execute":"qmp_capabilities"}\n', '{"execute":"query-status","id":"qmp_capabilities"}\n', '{"qmp_capabilities\n']) {
    expect(refuseOob(line, reply)).toBe(line);
  }
  expect(replies).toHaveLength(1);
});
