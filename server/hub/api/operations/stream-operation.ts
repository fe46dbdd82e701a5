import { API_PREFIX } from "#lib/api/prefix";
import type { ApiOptions } from "../api.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { ProblemError } from "../problem-error.ts";

/** The facts as they come, for those without socket.io. */
export function streamOperation({ streams, access }: Pick<ApiOptions, "streams" | "access">): Operation {
  return operation({
    operationId: "stream",
    method: "GET",
    path: `${API_PREFIX}/stream`,
    tag: "fleet",
    summary: "Server-sent events: what changes, as it does",
    description:
      "Events `fleet:changed` (rows that changed since the last one, and ids that are gone), `fleet:outdated` (fetch `/api/v1/vms` again), `act:changed`, `incident:changed`, and every two seconds `clock:ticked`. Their `id` is `epoch:revision`: sent as `Last-Event-ID`, the stream goes on from there or says `fleet:outdated`. Begin with the `epoch:revision` of `/api/v1/vms` to miss nothing. Who reads slowly gets the latest state, not every step to it.",
    status: 200,
    otherTypes: ["text/event-stream"],
    problems: ["too-many-streams"],
    changes: false,
    answerCall({ request: { headers } }) {
      const cookie = headers.get("cookie") ?? undefined;
      const lastEventId = headers.get("last-event-id") ?? undefined;
      const body = streams.open({ lastEventId, isBySession: !access.isOpen && access.permits({ cookie }) });
      if (!body) throw new ProblemError("too-many-streams", "Too many streams are open on this hub; close one, or ask every few seconds");
      return new Response(body, {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
      });
    },
  });
}
