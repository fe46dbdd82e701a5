import { z } from "zod";
import { API_PREFIX, auditQuerySchema, sessionRequestSchema } from "#lib/api/requests";
import { auditRowSchema, auditStateSchema, settingsSchema } from "#lib/api/schemas-hub";
import type { AuditEvent } from "#lib/audit/events";
import type { Actor } from "../../store/audit-log.ts";
import { NoteLimit } from "../../store/note-limit.ts";
import { json, nextPage } from "../answers.ts";
import type { ApiOptions } from "../api.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { ProblemError } from "../problem-error.ts";
import { problemResponse } from "../problems.ts";

/** The record, the session, and the hub itself. */
export function hubOperations(
  options: Pick<ApiOptions, "audit" | "chain" | "access" | "clock" | "log" | "settings" | "metrics" | "endSessions" | "notReady">,
): Operation[] {
  const { audit, access, clock, log } = options;
  const refusals = new NoteLimit();
  /** A full disk must not keep anybody from looking. */
  const note = async (actor: Actor, event: AuditEvent) => {
    await audit
      .append(actor, event)
      .catch((error: unknown) => log.error({ err: error, type: event.type }, "the audit could not be written"));
  };
  return [
    operation({
      operationId: "getHealth",
      method: "GET",
      path: "/healthz",
      tag: "hub",
      summary: "Whether the hub runs",
      status: 200,
      answer: z.object({ status: z.literal("ok") }),
      changes: false,
      isPublic: true,
      answerCall: () => json({ status: "ok" }),
    }),
    operation({
      operationId: "getReadiness",
      method: "GET",
      path: "/readyz",
      tag: "hub",
      summary: "Whether the hub can serve",
      status: 200,
      answer: z.object({ status: z.literal("ready") }),
      problems: ["not-ready"],
      changes: false,
      isPublic: true,
      answerCall() {
        const reason = options.notReady();
        return reason === undefined ? json({ status: "ready" }) : problemResponse("not-ready", reason);
      },
    }),
    operation({
      operationId: "getMetrics",
      method: "GET",
      path: "/metrics",
      tag: "hub",
      summary: "The fleet and the hub, for Prometheus",
      status: 200,
      otherTypes: [options.metrics.contentType],
      changes: false,
      async answerCall() {
        const { contentType } = options.metrics;
        return new Response(await options.metrics.render(), { headers: { "content-type": contentType, "cache-control": "no-store" } });
      },
    }),
    operation({
      operationId: "listAudit",
      method: "GET",
      path: `${API_PREFIX}/audit`,
      tag: "record",
      summary: "The audit, newest first",
      description: "A search looks at so many rows per answer: where `next` stands there may be more, also behind an answer without rows.",
      query: auditQuerySchema,
      status: 200,
      answer: z.object({ rows: z.array(auditRowSchema), next: z.string().optional() }),
      changes: false,
      async answerCall({ request, query }) {
        const { since, until, ...filter } = query;
        const { rows, before } = await audit.page({ ...filter, sinceMs: timeOf("since", since), untilMs: timeOf("until", until) });
        return json({ rows, ...(before === undefined ? {} : nextPage(request, { limit: 0, told: 0, last: before })) });
      },
    }),
    operation({
      operationId: "getAuditState",
      method: "GET",
      path: `${API_PREFIX}/audit/state`,
      tag: "record",
      summary: "Whether the audit is as it was written, as far as the hub has looked",
      status: 200,
      answer: auditStateSchema,
      changes: false,
      answerCall: async () => json(await options.chain.state()),
    }),
    operation({
      operationId: "getSettings",
      method: "GET",
      path: `${API_PREFIX}/settings`,
      tag: "hub",
      summary: "What this hub runs by; holds no secret",
      status: 200,
      answer: settingsSchema,
      changes: false,
      answerCall: () => json(options.settings),
    }),
    operation({
      operationId: "openSession",
      method: "POST",
      path: `${API_PREFIX}/session`,
      tag: "hub",
      summary: "Turns the access token into a cookie, for browsers",
      description: "Programs send the token as a Bearer instead.",
      body: sessionRequestSchema,
      status: 200,
      answer: z.object({ ok: z.literal(true) }),
      problems: ["not-signed-in"],
      changes: true,
      isPublic: true,
      example: { token: "the token of the printed URL" },
      async answerCall({ body: { token }, actor }) {
        if (access.isOpen) return json({ ok: true });
        if (!access.isTokenRight(token)) {
          if (refusals.admit(clock.nowMs())) await note(actor, { type: "session-refused" });
          throw new ProblemError("not-signed-in", "This is not the access token of this hub");
        }
        await note(actor, { type: "session-opened" });
        const response = json({ ok: true });
        response.headers.set("set-cookie", access.setCookie());
        return response;
      },
    }),
    operation({
      operationId: "endSession",
      method: "DELETE",
      path: `${API_PREFIX}/session`,
      tag: "hub",
      summary: "Ends the session of the cookie",
      status: 204,
      changes: true,
      isPublic: true,
      answerCall({ request }) {
        // Who has no session ends none.
        if (!access.isOpen && access.permits({ cookie: request.headers.get("cookie") ?? undefined })) options.endSessions();
        const response = new Response(null, { status: 204 });
        response.headers.set("set-cookie", access.clearCookie());
        return response;
      },
    }),
  ];
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(atMs)) throw new ProblemError("bad-request", `${name}: there is no such time`);
  return atMs;
}
