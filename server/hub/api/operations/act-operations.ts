import { z } from "zod";
import { actRequestSchema, actsQuerySchema, API_PREFIX, evidenceQuerySchema, planRequestSchema } from "#lib/api/requests";
import { actEvidenceSchema, actSchema, planSchema } from "#lib/api/schemas-act";
import { download, json } from "../answers.ts";
import type { ApiOptions } from "../api.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { ProblemError } from "../problem-error.ts";

/** Plans, acts and what was stored with them. */
export function actOperations({ desk, acts, incidentReader }: Pick<ApiOptions, "desk" | "acts" | "incidentReader">): Operation[] {
  return [
    operation({
      operationId: "makePlan",
      method: "POST",
      path: `${API_PREFIX}/plans`,
      tag: "acts",
      summary: "What an act would do; sends nothing",
      description:
        "A plan is the dry run: the exact command, what it cuts, whether that comes back, what is softer, and how it has to be confirmed. It can be confirmed for 60 seconds, and is void as soon as what it binds has changed.",
      body: planRequestSchema,
      status: 201,
      answer: planSchema,
      problems: ["cannot-plan", "invalid-plan-request", "bridge-lost", "not-recorded", "act-in-progress"],
      changes: true,
      takesKey: true,
      example: { action: "yank", targets: [{ vmId: "3f2a9c41d0", instances: [{ type: "block-node", "node-name": "nbd0" }] }] },
      answerCall: async ({ body, actor }) => json(await desk.plan(body, actor), 201),
    }),
    operation({
      operationId: "confirmPlan",
      method: "POST",
      path: `${API_PREFIX}/acts`,
      tag: "acts",
      summary: "Confirms a plan, and so acts",
      description:
        "A plan acts at most once: the same plan again gets the same act, so this may be sent again after a lost answer. The act goes on after the answer; ask for it until every target `isFinal`.",
      body: actRequestSchema,
      status: 202,
      answer: actSchema,
      problems: [
        "not-found",
        "plan-void",
        "plan-expired",
        "act-in-progress",
        "wrong-name",
        "not-acknowledged",
        "cannot-plan",
        "not-recorded",
        "bridge-lost",
      ],
      changes: true,
      example: { planId: "plan-91c2f0", typedName: "db-prod-07", reason: "NBD server is down" },
      answerCall: async ({ body, actor }) => json(await desk.confirm(body, actor), 202),
    }),
    operation({
      operationId: "listActs",
      method: "GET",
      path: `${API_PREFIX}/acts`,
      tag: "acts",
      summary: "The newest acts",
      query: actsQuerySchema,
      status: 200,
      answer: z.object({ acts: z.array(actSchema) }),
      changes: false,
      answerCall: async ({ query: { limit, vmId } }) => json({ acts: await acts.recent(limit, vmId) }),
    }),
    operation({
      operationId: "getAct",
      method: "GET",
      path: `${API_PREFIX}/acts/{actId}`,
      tag: "acts",
      summary: "One act, and what became of it",
      status: 200,
      answer: actSchema,
      changes: false,
      async answerCall({ params: { actId = "" } }) {
        const act = await desk.act(actId);
        if (!act) throw new ProblemError("not-found", "There is no act by this id");
        return json(act);
      },
    }),
    operation({
      operationId: "getActEvidence",
      method: "GET",
      path: `${API_PREFIX}/acts/{actId}/evidence`,
      tag: "acts",
      summary: "What was stored of a VM before the act",
      description: "With `format` it comes as a file.",
      query: evidenceQuerySchema,
      status: 200,
      answer: actEvidenceSchema,
      changes: false,
      async answerCall({ params: { actId = "" }, query: { format } }) {
        const evidence = await incidentReader.evidence(actId);
        if (!evidence) throw new ProblemError("not-found", "There is no act by this id");
        if (format === undefined) return json(evidence);
        return download(`${JSON.stringify(evidence, null, 2)}\n`, `evidence-${evidence.actId}.json`, "application/json");
      },
    }),
  ];
}
