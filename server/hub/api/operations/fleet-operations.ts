import { z } from "zod";
import { API_PREFIX, pageQuerySchema, vmsQuerySchema } from "#lib/api/requests";
import { atMsSchema, bridgeViewSchema, fleetSnapshotSchema, vmAnswerSchema, vmEventSchema } from "#lib/api/schemas-vm";
import type { VmSummary } from "#lib/api/vm";
import { BridgeLostError } from "../../bridges/bridge-links.ts";
import { json, nextPage } from "../answers.ts";
import type { ApiOptions } from "../api.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { ProblemError } from "../problem-error.ts";
import { chooseEncoding, encode, SnapshotCache } from "../snapshot-cache.ts";

/** VMs, bridges and events. */
export function fleetOperations({ fleet, events, links, clock }: Pick<ApiOptions, "fleet" | "events" | "links" | "clock">): Operation[] {
  const snapshots = new SnapshotCache(fleet, clock);
  return [
    operation({
      operationId: "listVms",
      method: "GET",
      path: `${API_PREFIX}/vms`,
      tag: "fleet",
      summary: "Every VM with its verdict, hung ones included",
      description:
        "The whole fleet in one answer, compressed where the client takes it. `epoch` and `revision` say which moment it is of: `stream` goes on from them.",
      query: vmsQuerySchema,
      status: 200,
      answer: fleetSnapshotSchema,
      changes: false,
      async answerCall({ request, query }) {
        const encoding = chooseEncoding(request.headers.get("accept-encoding"));
        const isWhole = Object.values(query).every((value) => value === undefined);
        const isWanted = rowFilter(query);
        const part = () => (query.limit === undefined ? fleet.snapshotJson(isWanted) : fleet.firstRowsJson(query.limit, isWanted));
        const encoded = isWhole ? await snapshots.get(encoding) : await encode(part(), encoding);
        const headers: Record<string, string> = {
          "content-type": "application/json",
          "cache-control": "no-store",
          vary: "accept-encoding",
        };
        if (encoded.encoding !== "identity") headers["content-encoding"] = encoded.encoding;
        return new Response(encoded.body, { headers });
      },
    }),
    operation({
      operationId: "getVm",
      method: "GET",
      path: `${API_PREFIX}/vms/{vmId}`,
      tag: "fleet",
      summary: "One VM with its instances, evidence and what helps",
      description: "A VM that ended stays readable for 24 hours.",
      status: 200,
      answer: vmAnswerSchema,
      changes: false,
      async answerCall({ params: { vmId = "" } }) {
        const vm = fleet.detail(vmId) ?? (await events.ended(vmId));
        if (!vm) throw new ProblemError("not-found", "There is no VM by this id, and none ended within the last 24 hours");
        return json({ epoch: fleet.epoch, revision: fleet.revision, serverTimeMs: clock.nowMs(), ...vm });
      },
    }),
    operation({
      operationId: "dismissVm",
      method: "POST",
      path: `${API_PREFIX}/vms/{vmId}/dismiss`,
      tag: "fleet",
      summary: "Takes a VM whose process is gone off the list",
      description: "`ok` is false where its process is not gone.",
      status: 200,
      answer: z.object({ ok: z.boolean() }),
      problems: ["bridge-lost"],
      changes: true,
      async answerCall({ params: { vmId = "" } }) {
        const bridgeId = fleet.bridgeIdOf(vmId);
        if (bridgeId === undefined) throw new ProblemError("not-found", "There is no VM by this id");
        try {
          return json({ ok: await links.dismiss(bridgeId, vmId) });
        } catch (error) {
          if (!(error instanceof BridgeLostError)) throw error;
          throw new ProblemError("bridge-lost", "The bridge of this VM is not connected", {}, { cause: error });
        }
      },
    }),
    operation({
      operationId: "listEvents",
      method: "GET",
      path: `${API_PREFIX}/events`,
      tag: "fleet",
      summary: "What happened to VMs, newest first",
      query: pageQuerySchema,
      status: 200,
      answer: z.object({ events: z.array(vmEventSchema), next: z.string().optional() }),
      changes: false,
      async answerCall({ request, query }) {
        const page = await events.page(query);
        return json({ events: page, ...nextPage(request, { limit: query.limit, told: page.length, last: page.at(-1)?.eventId }) });
      },
    }),
    operation({
      operationId: "listBridges",
      method: "GET",
      path: `${API_PREFIX}/bridges`,
      tag: "fleet",
      summary: "The bridges, and how old what they tell is",
      status: 200,
      answer: z.object({ serverTimeMs: atMsSchema, bridges: z.array(bridgeViewSchema) }),
      changes: false,
      answerCall: () => json({ serverTimeMs: clock.nowMs(), bridges: fleet.bridges() }),
    }),
  ];
}

function rowFilter({ verdict, q, bridge }: z.infer<typeof vmsQuerySchema>): (row: VmSummary) => boolean {
  const words = (q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    if (verdict !== undefined && row.health.kind !== verdict) return false;
    if (bridge !== undefined && row.bridgeId !== bridge) return false;
    const text = [row.name, row.host, row.address, row.vmId, row.launcher, ...row.tags].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  };
}
