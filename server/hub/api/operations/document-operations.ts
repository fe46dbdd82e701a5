import { z } from "zod";
import { json } from "../answers.ts";
import { docsPage } from "../docs-page.ts";
import { openApiDocument } from "../openapi.ts";
import { operation } from "../operation.ts";
import type { Operation } from "../operation.ts";

/** The document of all operations, these included, for programs and for people. */
export function documentOperations(others: readonly Operation[], version: string): Operation[] {
  let document: unknown;
  let page: string | undefined;
  const all = (): Operation[] => [...others, ...itself];
  const itself: Operation[] = [
    operation({
      operationId: "getDocument",
      method: "GET",
      path: "/api/openapi.json",
      tag: "hub",
      summary: "This document",
      status: 200,
      answer: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
      changes: false,
      answerCall: () => json((document ??= openApiDocument(all(), version))),
    }),
    operation({
      operationId: "getDocs",
      method: "GET",
      path: "/api/docs",
      tag: "hub",
      summary: "This document as a page for people",
      status: 200,
      otherTypes: ["text/html"],
      changes: false,
      answerCall: () => {
        page ??= docsPage(all(), version);
        return new Response(page, { headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" } });
      },
    }),
  ];
  return itself;
}
