import { z } from "zod";
import { json } from "../answers.ts";
import { openApiDocument } from "../openapi.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";

/** The document of all operations, itself included. */
export function documentOperation(others: readonly Operation[], version: string): Operation {
  let document: unknown;
  const itself: Operation = operation({
    operationId: "getDocument",
    method: "GET",
    path: "/api/openapi.json",
    tag: "hub",
    summary: "This document",
    status: 200,
    answer: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
    changes: false,
    answerCall: () => json((document ??= openApiDocument([...others, itself], version))),
  });
  return itself;
}
