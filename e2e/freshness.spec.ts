import type { Page } from "@playwright/test";
import { armedCords } from "./support/desk.ts";
import { expect, health, test } from "./support/fixtures.ts";

/** The promise: what is old is said to be old within this time. */
const STALE_WITHIN_MS = 10_000;

test("a hub that stands still turns the page stale within ten seconds, and true again once it goes on", async ({
  page,
  context,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("process-stopped", { name: "web-20" });
  const fleet = await context.newPage();
  await fleet.goto(ripcord.url);
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText(/^Healthy$/);
  const row = fleet.getByRole("row", { name: /web-20/ });
  ripcord.freezeHub();
  try {
    const stale = { timeout: STALE_WITHIN_MS };
    await Promise.all([
      expect(health(page)).toContainText("Was: Healthy", stale),
      expect(banner(page, "No word from the hub since")).toBeVisible(stale),
      expect(banner(fleet, "No word from the hub since")).toBeVisible(stale),
      expect(row).toContainText(/\d+ s ago/, stale),
    ]);
    await expect(armedCords(page)).toHaveCount(0);
    // What happens meanwhile cannot be known here, and is not made up.
    await scenario.break();
    await expect(health(page)).toContainText("Was: Healthy");
  } finally {
    ripcord.thawHub();
  }
  await expect(health(page)).toContainText("Silent: process stopped", { timeout: STALE_WITHIN_MS });
  await expect(row).toContainText("Silent: process stopped");
  await expect(banner(page, "No word")).toHaveCount(0);
});

test("a bridge that stands still turns its VMs stale within ten seconds, and blames none of them afterwards", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { vmId } = await startVm("serial-console", { name: "web-21" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText(/^Healthy$/);
  const bridge = await ripcord.bridgePid();
  if (bridge === undefined) throw new Error("There is no bridge");
  const verdicts = await watchVerdicts(page);
  process.kill(bridge, "SIGSTOP");
  try {
    await expect(banner(page, /kvm-03 has/)).toBeVisible({ timeout: STALE_WITHIN_MS });
    await expect(health(page)).not.toContainText(/^Healthy$/);
    await expect(armedCords(page)).toHaveCount(0);
  } finally {
    process.kill(bridge, "SIGCONT");
  }
  await expect(health(page)).toContainText(/^Healthy$/, { timeout: STALE_WITHIN_MS });
  await expect(armedCords(page)).toHaveCount(1);
  // Its own sleep must not have become a verdict on a VM.
  expect((await verdicts()).filter((text) => /hung|silent|slow/i.test(text))).toEqual([]);
});

function banner(page: Page, text: string | RegExp) {
  return page.getByRole("alert").filter({ hasText: text });
}

/** Notes every text that the page's health shows from now on; the returned function reads them. */
async function watchVerdicts(page: Page): Promise<() => Promise<string[]>> {
  const seen = await health(page).evaluateHandle((element) => {
    const texts: string[] = [];
    new MutationObserver(() => texts.push(element.textContent ?? "")).observe(element, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    return texts;
  });
  return () => seen.jsonValue();
}
