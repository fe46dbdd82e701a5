import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestHub } from "../../tests/support/hub.ts";
import type { TestHub } from "../../tests/support/hub.ts";

let ripcord: TestHub;
const seen: string[] = [];
beforeAll(async () => {
  ripcord = await startTestHub({
    prepareWeb: async () => ({
      isDevelopment: false,
      close: async () => {},
      handle: async (request, response) => {
        seen.push(request.url ?? "");
        response.end("a page");
      },
    }),
  });
});
afterAll(() => ripcord.close());

/** No client library sends these. */
async function statusOf(target: string, method = "GET"): Promise<number> {
  const socket = connect(ripcord.hub.port, "127.0.0.1");
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${ripcord.hub.port}\r\nConnection: close\r\n\r\n`);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await text(socket))?.[1]);
}

test.each(["/vms/%ff%fe", "/vms/%E0%A4%A", "/%", "/api/v1/vms/%ff", "*", "http://127.0.0.1/", "http://evil.example/api/v1/vms", "vms"])(
  "the target %s is refused before it reaches the pages",
  async (target) => {
    expect(await statusOf(target)).toBe(400);
    expect(seen).toEqual([]);
  },
);

test.each(["/", "/vms/%C3%BC?q=%ff", "/a//b", "/vms/100%25"])("the target %s reaches the pages", async (target) => {
  seen.length = 0;
  expect(await statusOf(target)).toBe(200);
  expect(seen).toEqual([target]);
});
