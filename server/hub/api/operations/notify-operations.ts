import { z } from "zod";
import { API_PREFIX } from "#lib/api/requests";
import { json } from "../answers.ts";
import type { ApiOptions } from "../api.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { PATH_PARAMETERS } from "../operation.ts";
import { ProblemError } from "../problem-error.ts";

const receiverSchema = z.object({
  name: z.string(),
  type: z.enum(["alertmanager", "webhook"]),
  /** What waits to be delivered. */
  queued: z.number().int(),
  /** In a row. */
  failures: z.number().int(),
  deliveredAtMs: z.number().optional(),
  lastError: z.object({ atMs: z.number(), text: z.string() }).optional(),
});

/** Whom the hub tells, and whether it gets there. */
export function notifyOperations({ notifier, clock }: Pick<ApiOptions, "notifier" | "clock">): Operation[] {
  return [
    operation({
      operationId: "listReceivers",
      method: "GET",
      path: `${API_PREFIX}/notify`,
      tag: "hub",
      summary: "Whom this hub tells of incidents, and how that goes",
      status: 200,
      answer: z.object({ serverTimeMs: z.number(), receivers: z.array(receiverSchema) }),
      changes: false,
      answerCall: () => json({ serverTimeMs: clock.nowMs(), receivers: notifier.statuses() }),
    }),
    operation({
      operationId: "testReceiver",
      method: "POST",
      path: `${API_PREFIX}/notify/{receiver}/test`,
      tag: "hub",
      summary: "Sends a test message to one receiver, now",
      status: 200,
      answer: z.union([z.object({ ok: z.literal(true), status: z.number() }), z.object({ ok: z.literal(false), reason: z.string() })]),
      changes: true,
      async answerCall({ params }) {
        const outcome = await notifier.test(params.receiver ?? "");
        if (!outcome) throw new ProblemError("not-found", PATH_PARAMETERS.receiver.missing);
        return json(outcome.kind === "delivered" ? { ok: true, status: outcome.status } : { ok: false, reason: outcome.reason });
      },
    }),
  ];
}
