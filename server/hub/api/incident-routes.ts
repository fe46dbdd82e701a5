import { API_PREFIX } from "#lib/api/prefix";
import {
  acknowledgeRequestSchema,
  actIdSchema,
  evidenceQuerySchema,
  exportQuerySchema,
  incidentIdSchema,
  incidentsQuerySchema,
  noteRequestSchema,
  resolveRequestSchema,
} from "#lib/api/requests";
import type { IncidentList } from "#lib/api/incident";
import { incidentMarkdown } from "#lib/incident/export-markdown";
import type { Clock } from "../clock.ts";
import type { IncidentReader } from "../incidents/incident-reader.ts";
import type { Incidents } from "../incidents/incidents.ts";
import type { Actor } from "../store/audit-log.ts";
import { ProblemError } from "./problem-error.ts";
import { readBody, readQuery } from "./read-body.ts";

export interface IncidentRoutesOptions {
  incidents: Incidents;
  reader: IncidentReader;
  clock: Clock;
}

/** What a handler gets of a request. */
export interface RouteCall {
  request: Request;
  actor: Actor;
  param(name: string): string;
}
type Answer = (call: RouteCall) => Promise<Response>;

/** The paths of incidents and of the evidence that was stored with acts. */
export function incidentRoutes({
  incidents,
  reader,
  clock,
}: IncidentRoutesOptions): Record<string, Partial<Record<"GET" | "POST" | "DELETE", Answer>>> {
  const detailOf = async (call: RouteCall) => {
    const detail = await reader.detail(idOf(call));
    if (!detail) throw noIncident();
    return detail;
  };
  return {
    [`${API_PREFIX}/incidents`]: {
      GET: async ({ request }) => {
        const list: IncidentList = {
          serverTimeMs: clock.nowMs(),
          incidents: await incidents.list(readQuery(request, incidentsQuerySchema)),
        };
        return json(list);
      },
    },
    [`${API_PREFIX}/incidents/:incidentId`]: { GET: async (call) => json(await detailOf(call)) },
    [`${API_PREFIX}/incidents/:incidentId/notes`]: {
      POST: async (call) => {
        const incidentId = idOf(call);
        const { text } = await readBody(call.request, noteRequestSchema);
        return json(await incidents.note(incidentId, text, call.actor), 201);
      },
    },
    [`${API_PREFIX}/incidents/:incidentId/acknowledge`]: {
      POST: async (call) => {
        const incidentId = idOf(call);
        await incidents.acknowledge(incidentId, await readBody(call.request, acknowledgeRequestSchema), call.actor);
        return json(await detailOf(call));
      },
      DELETE: async (call) => {
        await incidents.acknowledge(idOf(call), undefined, call.actor);
        return json(await detailOf(call));
      },
    },
    [`${API_PREFIX}/incidents/:incidentId/resolve`]: {
      POST: async (call) => {
        const incidentId = idOf(call);
        const { reason } = await readBody(call.request, resolveRequestSchema);
        await incidents.resolve(incidentId, reason === "" ? undefined : reason, call.actor);
        return json(await detailOf(call));
      },
    },
    [`${API_PREFIX}/incidents/:incidentId/export`]: {
      GET: async (call) => {
        const { format } = readQuery(call.request, exportQuerySchema);
        const detail = await detailOf(call);
        const name = `incident-${detail.number}`;
        if (format === "json") return download(`${JSON.stringify(detail, null, 2)}\n`, `${name}.json`, "application/json");
        return download(incidentMarkdown(detail), `${name}.md`, "text/markdown; charset=utf-8");
      },
    },
    [`${API_PREFIX}/acts/:actId/evidence`]: {
      GET: async (call) => {
        const { format } = readQuery(call.request, evidenceQuerySchema);
        const actId = actIdSchema.safeParse(call.param("actId"));
        const evidence = actId.success ? await reader.evidence(actId.data) : undefined;
        if (!evidence) throw new ProblemError("not-found", "There is no act by this id");
        if (format === "json") {
          return download(`${JSON.stringify(evidence, null, 2)}\n`, `evidence-${evidence.actId}.json`, "application/json");
        }
        return json(evidence);
      },
    },
  };
}

function idOf(call: RouteCall): string {
  const parsed = incidentIdSchema.safeParse(call.param("incidentId"));
  if (!parsed.success) throw noIncident();
  return parsed.data;
}

function noIncident(): ProblemError {
  return new ProblemError("not-found", "There is no incident by this id");
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

/** @param name of our own making: letters, digits, dash and dot. */
function download(text: string, name: string, type: string): Response {
  return new Response(text, {
    headers: { "content-type": type, "content-disposition": `attachment; filename="${name}"`, "cache-control": "no-store" },
  });
}
