import { request } from "node:http";
import { io } from "socket.io-client";
import { REALTIME_PATH } from "#lib/link/contract";
import { expect, test } from "./support/fixtures.ts";

const SOCKET_URL = `${REALTIME_PATH}/?EIO=4&transport=websocket`;

test.describe("a hub that asks for its access token", () => {
  test("sends a visitor without it to the page that says where it is, and tells nothing", async ({ page, startRipcord }) => {
    const ripcord = await startRipcord({ mode: "serve" });
    for (const path of ["/", "/audit", "/vms/0123456789abcdef"]) {
      await page.goto(new URL(path, ripcord.origin).href);
      await expect(page).toHaveURL(new URL("/login", ripcord.origin).href);
    }
    await expect(page.getByText("Open the URL that Ripcord printed when it started")).toBeVisible();
    for (const path of ["vms", "audit", "events", "acts", "bridges"]) {
      const answer = await fetch(new URL(`/api/v1/${path}`, ripcord.origin));
      expect([path, answer.status]).toEqual([path, 401]);
      expect(await answer.json()).toMatchObject({ code: "not-signed-in" });
    }
    const socket = io(ripcord.origin, { path: REALTIME_PATH, transports: ["websocket"], reconnection: false });
    const refusal = await new Promise<string>((resolve) => {
      socket.on("connect", () => resolve("let in"));
      socket.on("connect_error", (error) => resolve(error.message));
    });
    socket.disconnect();
    expect(refusal).toBe("not-signed-in");
  });

  test("takes the URL that it printed, keeps the token out of the address bar, and is live", async ({ page, startRipcord }) => {
    const ripcord = await startRipcord({ mode: "serve" });
    expect(ripcord.url).toContain(ripcord.token());
    await page.goto(ripcord.url);
    await expect(page).toHaveURL(`${ripcord.origin}/`);
    await expect(page.getByRole("heading", { name: "Fleet" })).toBeVisible();
    await expect(page.getByText(/^live · .*1 of 1 host$/)).toBeVisible();
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: "Strict" }]);
    expect(cookies[0]?.value).not.toContain(ripcord.token());
  });

  test("says that a wrong token is wrong, and takes the right one typed by hand", async ({ page, startRipcord }) => {
    const ripcord = await startRipcord({ mode: "serve" });
    await page.goto(`${ripcord.origin}/login#token=not-the-token`);
    await expect(page.getByRole("alert").filter({ hasText: "This is not the access token of this hub" })).toBeVisible();
    await page.getByLabel("Access token").fill(ripcord.token());
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { name: "Fleet" })).toBeVisible();
  });

  test("says on its empty screen what to do for plain QEMU, libvirt and Proxmox", async ({ page, startRipcord }) => {
    const ripcord = await startRipcord({ mode: "serve" });
    await page.goto(ripcord.url);
    await expect(page.getByRole("heading", { name: "No VM found yet" })).toBeVisible();
    for (const [heading, hint] of [
      ["Plain QEMU", "-mon chardev=ripcord,mode=control"],
      ["libvirt", "<qemu:commandline>"],
      ["Proxmox VE", "/etc/pve/qemu-server/VMID.conf"],
    ] as const) {
      await expect(page.getByRole("heading", { name: heading })).toBeVisible();
      await expect(page.getByText(hint).first()).toBeVisible();
    }
  });
});

test("what comes under a foreign name or from a foreign page is refused, with and without a token to ask for", async ({ ripcord }) => {
  const { host } = new URL(ripcord.origin);
  const port = new URL(ripcord.origin).port;
  const own = { host, origin: ripcord.origin };
  expect(await statusOf(ripcord.origin, { path: "/api/v1/vms", headers: own })).toBe(200);
  expect(await statusOf(ripcord.origin, { path: SOCKET_URL, headers: { ...own, ...UPGRADE } })).toBe(101);

  const foreignHost = { host: `rebound.example:${port}` };
  expect(await statusOf(ripcord.origin, { path: "/", headers: foreignHost })).toBe(421);
  expect(await statusOf(ripcord.origin, { path: "/api/v1/vms", headers: foreignHost })).toBe(421);
  expect(await statusOf(ripcord.origin, { path: SOCKET_URL, headers: { ...foreignHost, ...UPGRADE } })).toBeGreaterThanOrEqual(400);

  for (const origin of ["http://evil.example", `http://127.0.0.1:${Number(port) + 1}`, `https://${host}`, "null"]) {
    const headers = { host, origin };
    expect([origin, await statusOf(ripcord.origin, { path: "/api/v1/vms", headers })]).toEqual([origin, 403]);
    expect([origin, await statusOf(ripcord.origin, { path: "/api/v1/plans", method: "POST", headers })]).toEqual([origin, 403]);
    expect(await statusOf(ripcord.origin, { path: SOCKET_URL, headers: { ...headers, ...UPGRADE } })).toBeGreaterThanOrEqual(400);
    const polling = `${REALTIME_PATH}/?EIO=4&transport=polling`;
    expect(await statusOf(ripcord.origin, { path: polling, headers })).toBeGreaterThanOrEqual(400);
  }
});

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==",
};

/** The status of one plain request: a browser would not let a page choose these headers. */
function statusOf(url: string, { path, method = "GET", headers }: { path: string; method?: string; headers: Record<string, string> }) {
  return new Promise<number>((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end();
  });
}
