import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { IncidentList } from "#lib/api/incident";
import { keys } from "../queries/keys.ts";
import { incidentSummary } from "../testing/fixtures.ts";
import { applyServerEvent } from "./apply-server-event.ts";

function clientWith(list?: IncidentList) {
  const client = new QueryClient();
  if (list) client.setQueryData(keys.incidentList, list);
  return { client, titles: () => client.getQueryData<IncidentList>(keys.incidentList)?.incidents.map(({ title }) => title) };
}
const change = (part: Parameters<typeof incidentSummary>[0]) =>
  ({ name: "incident:changed", payload: { epoch: "e", incident: incidentSummary(part) } }) as const;

test("the newer state of an incident takes the place of the older one, and an older one changes nothing", () => {
  const { client, titles } = clientWith({ serverTimeMs: 0, incidents: [incidentSummary({ number: 7, revision: 3, title: "3 VMs" })] });
  expect(applyServerEvent(client, change({ number: 7, revision: 5, title: "5 VMs" }))).toBe("merged");
  expect(applyServerEvent(client, change({ number: 7, revision: 4, title: "4 VMs" }))).toBe("ignored");
  expect(titles()).toEqual(["5 VMs"]);
});

test("one that is new joins the list", () => {
  const { client, titles } = clientWith({ serverTimeMs: 0, incidents: [incidentSummary({ number: 7, title: "old" })] });
  applyServerEvent(client, change({ number: 8, title: "new" }));
  expect(titles()).toEqual(["new", "old"]);
});

test("a list that was not fetched yet is not made of single messages", () => {
  const { client, titles } = clientWith();
  expect(applyServerEvent(client, change({ number: 8 }))).toBe("ignored");
  expect(titles()).toBeUndefined();
});
