import { expect } from "@playwright/test";
import type { Page } from "@playwright/test";
import type { FleetSnapshot } from "#lib/api/vm";
import { API_PREFIX } from "#lib/api/prefix";
import type { IncidentList } from "#lib/api/incident";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { confirmButton, nameField, openDialog } from "./desk.ts";
import { health } from "./fixtures.ts";
import type { PretendFleet } from "./pretend-fleet.ts";

/** One state of one page: for those that look at all of them, be it axe or a photographer. */
export interface ScreenState {
  name: string;
  open: (page: Page, fleet: PretendFleet) => Promise<void>;
}

/** The fleet that the states are of; its third host holds back what came of acts. */
export const SHOWN_FLEET = { hosts: 4, perHost: 12 };
export const EMPTY_FLEET = { hosts: 0, perHost: 0 };

/** One VM of each verdict on the first host, and two hosts that wait on one server. */
export async function breakFleet(fleet: PretendFleet): Promise<void> {
  await fleet.tell("verdicts 1");
  await fleet.tell("hang 2 4");
  await fleet.tell("hang 3 2");
  await fleet.tell("hold 3");
}

export const SCREENS: readonly ScreenState[] = [
  {
    name: "fleet",
    async open(page, { url }) {
      await page.goto(url);
      await expect(page.getByRole("region", { name: "Worst trouble" })).toBeVisible();
      await expect(page.getByText(/^live · /).first()).toBeVisible();
    },
  },
  {
    name: "fleet-no-match",
    async open(page, { url }) {
      await page.goto(`${url}?q=nowhere`);
      await expect(page.getByText("No VM matches “nowhere”")).toBeVisible();
    },
  },
  ...HEALTH_KINDS.map((kind) => ({
    name: `vm-${kind}`,
    async open(page: Page, fleet: PretendFleet) {
      await openVm(page, fleet, (vm) => vm.health.kind === kind && vm.host === "kvm-01");
    },
  })),
  {
    name: "dialog-planned",
    async open(page, fleet) {
      await openHungVm(page, fleet, "kvm-02");
    },
  },
  {
    name: "dialog-refused",
    async open(page, fleet) {
      const problem = { type: "about:blank", title: "Refused", status: 409, code: "act-in-progress", detail: "An act on it is under way" };
      await page.route(`**${API_PREFIX}/plans`, (route) =>
        route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify(problem) }),
      );
      await openVm(page, fleet, (vm) => vm.health.kind === "main-loop-hung" && vm.host === "kvm-02");
      await page.getByRole("button", { name: "Yank nbd0…", exact: true }).click();
      await expect(page.getByRole("alertdialog", { name: "This cannot be done now" })).toBeVisible();
      await page.unroute(`**${API_PREFIX}/plans`);
    },
  },
  {
    name: "dialog-verifying",
    async open(page, fleet) {
      await confirm(page, await openHungVm(page, fleet, "kvm-03"));
      await expect(page.getByRole("alertdialog").getByRole("status", { name: "Result" })).toContainText("Accepted");
    },
  },
  {
    name: "dialog-result",
    async open(page, fleet) {
      await confirm(page, await openHungVm(page, fleet, "kvm-02"));
      await expect(page.getByRole("alertdialog").getByRole("status", { name: "Result" })).toContainText("Recovered");
    },
  },
  {
    name: "act",
    async open(page, fleet) {
      const { acts } = await fleet.api<{ acts: { actId: string }[] }>("/acts");
      await page.goto(`${fleet.url}acts/${acts[0]?.actId}`);
      await expect(page.getByRole("heading", { name: /^Yank/ }).first()).toBeVisible();
    },
  },
  {
    name: "audit",
    async open(page, { url }) {
      await page.goto(`${url}audit`);
      await expect(page.getByRole("cell", { name: /Accepted by QEMU/ }).first()).toBeVisible();
    },
  },
  {
    name: "incidents",
    async open(page, { url }) {
      await page.goto(`${url}incidents`);
      await expect(page.getByRole("list", { name: "Incidents, open ones first" })).toBeVisible();
    },
  },
  {
    name: "incident",
    async open(page, fleet) {
      const { incidents } = await fleet.api<IncidentList>("/incidents");
      const largest = incidents.toSorted((a, b) => b.memberCount - a.memberCount)[0];
      await page.goto(`${fleet.url}incidents/${largest?.incidentId}`);
      await expect(page.getByRole("table", { name: "VMs of this incident" })).toBeVisible();
    },
  },
  {
    name: "settings",
    async open(page, { url }) {
      await page.goto(`${url}settings`);
      await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
    },
  },
  {
    name: "palette",
    async open(page, { url }) {
      await page.goto(url);
      await expect(page.getByText(/^live · /).first()).toBeVisible();
      await page.keyboard.press("Control+k");
      await expect(page.getByRole("dialog", { name: "Command palette" }).getByRole("option").first()).toBeVisible();
    },
  },
  {
    name: "keys",
    async open(page, { url }) {
      await page.goto(url);
      await expect(page.getByText(/^live · /).first()).toBeVisible();
      await page.keyboard.press("?");
      await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
    },
  },
  {
    name: "login",
    async open(page, { url }) {
      await page.goto(`${url}login`);
      await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    },
  },
  {
    name: "no-such-page",
    async open(page, { url }) {
      await page.goto(`${url}nowhere`);
      await expect(page.getByRole("heading", { name: "No such page" })).toBeVisible();
    },
  },
  {
    name: "no-such-vm",
    async open(page, { url }) {
      await page.goto(`${url}vms/0123456789abcdef`);
      await expect(page.getByRole("heading", { name: "No such VM" })).toBeVisible();
    },
  },
  {
    name: "error",
    async open(page, { url }) {
      // An incident without any of its members breaks the banner, as a fault of our own would.
      const broken = { incidents: [{ incidentId: "x", state: "open", troubledCount: 2 }] };
      await page.route(`**${API_PREFIX}/incidents*`, (route) => route.fulfill({ json: broken }));
      await page.goto(url);
      await expect(page.getByRole("heading", { name: "This page failed" })).toBeVisible();
      await page.unroute(`**${API_PREFIX}/incidents*`);
    },
  },
];

/** They leave the fleet unheard, so they come last. */
export const SILENT_SCREENS: readonly ScreenState[] = [
  {
    name: "bridge-silent",
    async open(page, fleet) {
      await fleet.tell("silence 4");
      await page.goto(fleet.url);
      await expect(page.getByRole("alert").filter({ hasText: "kvm-04" })).toBeVisible();
    },
  },
  {
    name: "hub-silent",
    async open(page, { url }) {
      await page.goto(url);
      await expect(page.getByRole("link", { name: "web-1-1", exact: true })).toBeVisible();
      await page.context().setOffline(true);
      await expect(page.getByRole("alert").filter({ hasText: "no word from the hub" })).toBeVisible();
    },
  },
];

export const EMPTY_SCREEN: ScreenState = {
  name: "empty-fleet",
  async open(page, { url }) {
    await page.goto(url);
    await expect(page.getByRole("heading", { name: "No VM found yet" })).toBeVisible();
  },
};

/** A wall is never narrow, and has no theme of the system's. */
export const WALLS: readonly ScreenState[] = [
  {
    name: "wall",
    async open(page, { url }) {
      await page.goto(`${url}wall`);
      await expect(page.getByRole("article", { name: "Worst trouble" })).toBeVisible();
    },
  },
];

type Vm = FleetSnapshot["vms"][number];

async function openVm(page: Page, fleet: PretendFleet, isIt: (vm: Vm) => boolean): Promise<Vm> {
  const { vms } = await fleet.api<FleetSnapshot>("/vms");
  const vm = vms.find(isIt);
  if (!vm) throw new Error("The fleet has no such VM");
  await page.goto(`${fleet.url}vms/${vm.vmId}`);
  await expect(health(page)).toBeVisible();
  await expect(page.getByText(/^live · /).first()).toBeVisible();
  return vm;
}

async function openHungVm(page: Page, fleet: PretendFleet, host: string): Promise<Vm> {
  const vm = await openVm(page, fleet, (each) => each.health.kind === "main-loop-hung" && each.host === host);
  await openDialog(page, { instance: "nbd0", vm: vm.name });
  return vm;
}

async function confirm(page: Page, { name }: Vm): Promise<void> {
  const dialog = page.getByRole("alertdialog");
  const field = nameField(dialog, name);
  if ((await field.count()) > 0) await field.fill(name);
  const tick = dialog.getByRole("checkbox");
  if ((await tick.count()) > 0) await tick.check();
  await confirmButton(dialog, "nbd0").click();
}
