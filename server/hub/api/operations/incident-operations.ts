import type { IncidentList } from "#lib/api/incident";
import {
  acknowledgeRequestSchema,
  API_PREFIX,
  exportQuerySchema,
  incidentsQuerySchema,
  noteRequestSchema,
  resolveRequestSchema,
} from "#lib/api/requests";
import { incidentDetailSchema, incidentListSchema, incidentNoteSchema } from "#lib/api/schemas-incident";
import { incidentMarkdown } from "#lib/incident/export-markdown";
import { download, json, nextPage } from "../answers.ts";
import type { ApiOptions } from "../api.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { ProblemError } from "../problem-error.ts";

const MARKDOWN = "text/markdown; charset=utf-8";

/** Incidents, and what people say of them. */
export function incidentOperations({
  incidents,
  incidentReader,
  clock,
}: Pick<ApiOptions, "incidents" | "incidentReader" | "clock">): Operation[] {
  const path = `${API_PREFIX}/incidents/{incidentId}`;
  const detailOf = async (incidentId: string) => {
    const detail = await incidentReader.detail(incidentId);
    if (!detail) throw new ProblemError("not-found", "There is no incident by this id");
    return detail;
  };
  return [
    operation({
      operationId: "listIncidents",
      method: "GET",
      path: `${API_PREFIX}/incidents`,
      tag: "incidents",
      summary: "Incidents, those that are not resolved first, then the newest",
      description: "`before` is a number of an incident, and pages through those that are resolved.",
      query: incidentsQuerySchema,
      status: 200,
      answer: incidentListSchema,
      changes: false,
      async answerCall({ request, query }) {
        const listed = await incidents.list(query);
        // Only those that are resolved are paged through: the others all come with the first page.
        const resolved = listed.filter(({ state }) => state === "resolved");
        const next = nextPage(request, { limit: query.limit, told: resolved.length, last: resolved.at(-1)?.number });
        return json({ serverTimeMs: clock.nowMs(), incidents: listed, ...next } satisfies IncidentList);
      },
    }),
    operation({
      operationId: "getIncident",
      method: "GET",
      path,
      tag: "incidents",
      summary: "One incident with its VMs, cords, acts and timeline",
      status: 200,
      answer: incidentDetailSchema,
      changes: false,
      answerCall: async ({ params: { incidentId = "" } }) => json(await detailOf(incidentId)),
    }),
    operation({
      operationId: "noteIncident",
      method: "POST",
      path: `${path}/notes`,
      tag: "incidents",
      summary: "Writes a note",
      body: noteRequestSchema,
      status: 201,
      answer: incidentNoteSchema,
      problems: ["not-recorded"],
      changes: true,
      takesKey: true,
      example: { text: "The storage team restarts the NBD server" },
      answerCall: async ({ params: { incidentId = "" }, body, actor }) => json(await incidents.note(incidentId, body.text, actor), 201),
    }),
    operation({
      operationId: "acknowledgeIncident",
      method: "POST",
      path: `${path}/acknowledge`,
      tag: "incidents",
      summary: "Says who is on it, and for how long",
      body: acknowledgeRequestSchema,
      status: 200,
      answer: incidentDetailSchema,
      problems: ["not-recorded"],
      changes: true,
      example: { who: "Kim", forMs: 1_800_000 },
      async answerCall({ params: { incidentId = "" }, body, actor }) {
        await incidents.acknowledge(incidentId, body, actor);
        return json(await detailOf(incidentId));
      },
    }),
    operation({
      operationId: "unacknowledgeIncident",
      method: "DELETE",
      path: `${path}/acknowledge`,
      tag: "incidents",
      summary: "Says that nobody is on it any more",
      status: 200,
      answer: incidentDetailSchema,
      problems: ["not-recorded"],
      changes: true,
      async answerCall({ params: { incidentId = "" }, actor }) {
        await incidents.acknowledge(incidentId, undefined, actor);
        return json(await detailOf(incidentId));
      },
    }),
    operation({
      operationId: "resolveIncident",
      method: "POST",
      path: `${path}/resolve`,
      tag: "incidents",
      summary: "Closes it",
      body: resolveRequestSchema,
      status: 200,
      answer: incidentDetailSchema,
      problems: ["not-recorded"],
      changes: true,
      example: { reason: "Server replaced" },
      async answerCall({ params: { incidentId = "" }, body: { reason }, actor }) {
        await incidents.resolve(incidentId, reason === "" ? undefined : reason, actor);
        return json(await detailOf(incidentId));
      },
    }),
    operation({
      operationId: "exportIncident",
      method: "GET",
      path: `${path}/export`,
      tag: "incidents",
      summary: "The incident as a file, in Markdown or JSON",
      query: exportQuerySchema,
      status: 200,
      answer: incidentDetailSchema,
      otherTypes: [MARKDOWN],
      changes: false,
      async answerCall({ params: { incidentId = "" }, query: { format } }) {
        const detail = await detailOf(incidentId);
        const name = `incident-${detail.number}`;
        if (format === "json") return download(`${JSON.stringify(detail, null, 2)}\n`, `${name}.json`, "application/json");
        return download(incidentMarkdown(detail), `${name}.md`, MARKDOWN);
      },
    }),
  ];
}
