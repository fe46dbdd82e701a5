import { PROBLEM_CODES } from "#lib/api/problem";
import type { Operation } from "./operation.ts";
import { problemsOf, TAGS } from "./operation.ts";
import { TITLES } from "./problems.ts";
import { openApiDocument } from "./openapi.ts";

/** Colours and sizes of the screen (app/globals.css), for the one page that is not made by it. */
const STYLE = `
:root{color-scheme:light dark;--base:light-dark(oklch(.985 .003 262),oklch(.165 .012 262));--raised:light-dark(oklch(1 0 0),oklch(.2 .014 262));--sunken:light-dark(oklch(.955 .005 262),oklch(.235 .014 262));--line:light-dark(oklch(.895 .006 262),oklch(.295 .014 262));--strong:light-dark(oklch(.24 .015 262),oklch(.955 .004 262));--body:light-dark(oklch(.46 .015 262),oklch(.735 .01 262));--info:light-dark(oklch(.51 .12 240),oklch(.765 .11 232))}
*{box-sizing:border-box}
body{margin:0 auto;max-width:960px;padding:24px 20px 64px;background:var(--base);color:var(--body);font:14px/20px "Inter Variable",ui-sans-serif,system-ui,sans-serif}
h1,h2,h3{color:var(--strong);line-height:1.3;margin:0}h1{font-size:20px}h2{font-size:16px;margin-top:32px}h3{font-size:14px}
a{color:var(--info)}:focus-visible{outline:2px solid var(--info);outline-offset:2px}
code,pre{font:12px/18px ui-monospace,"DejaVu Sans Mono",monospace;color:var(--strong)}
pre{background:var(--sunken);border-radius:6px;padding:10px 12px;margin:8px 0;overflow-x:auto}
article{background:var(--raised);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin-top:12px}
p{margin:8px 0;max-width:75ch}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:4px 12px 4px 0;border-top:1px solid var(--line)}th{font-weight:500}
ul{columns:2;padding-left:18px}summary{cursor:pointer;margin-top:8px}@media(max-width:600px){ul{columns:1}}
`;

interface Schema {
  [key: string]: unknown;
}

/** The API's document as one page for people: no script, nothing from elsewhere. */
export function docsPage(operations: readonly Operation[], version: string): string {
  const document = openApiDocument(operations, version) as unknown as {
    info: { description: string };
    paths: Record<string, Record<string, { parameters?: Schema[] } & Schema>>;
    components: { schemas: Record<string, Schema> };
  };
  const byTag = Map.groupBy(operations, ({ tag }) => tag);
  const contents = operations.map(
    ({ operationId, method, path }) => `<li><a href="#${operationId}"><code>${method} ${html(path)}</code></a></li>`,
  );
  const sections = Array.from(
    byTag,
    ([tag, ofTag]) =>
      `<section aria-labelledby="tag-${tag}"><h2 id="tag-${tag}">${html(TAGS[tag])}</h2>${ofTag
        .map((operation) => article(operation, document.paths[operation.path]?.[operation.method.toLowerCase()] ?? {}))
        .join("")}</section>`,
  );
  const shapes = Object.entries(document.components.schemas).map(
    ([name, schema]) => `<details id="shape-${name}"><summary><code>${name}</code></summary>${pre(schema)}</details>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>API · Ripcord</title><style>${STYLE}</style></head><body><header><h1>Ripcord API ${html(version)}</h1>${paragraphs(document.info.description)}<p><a href="/">To the fleet</a> · <a href="/api/openapi.json">The OpenAPI document</a></p></header><main><nav aria-label="Operations"><ul>${contents.join("")}</ul></nav>${sections.join("")}<section aria-labelledby="shapes"><h2 id="shapes">Shapes</h2>${shapes.join("")}</section></main></body></html>`;
}

function article(operation: Operation, described: { parameters?: Schema[] }): string {
  const { operationId, method, path, summary, description, changes, isPublic } = operation;
  const parameters = described.parameters ?? [];
  const rows = parameters.map(
    ({ name, in: place, required, schema }) =>
      `<tr><th scope="row"><code>${html(String(name))}</code></th><td>${html(String(place))}${required === true ? ", required" : ""}</td><td><code>${html(JSON.stringify(schema))}</code></td></tr>`,
  );
  const problems = problemsOf(operation).map(
    (code) => `<tr><th scope="row"><code>${code}</code></th><td>${PROBLEM_CODES[code]}</td><td>${html(TITLES[code])}</td></tr>`,
  );
  return `<article aria-labelledby="${operationId}"><h3 id="${operationId}"><code>${method} ${html(path)}</code></h3><p>${html(summary)}. ${changes ? "Writes something down." : "Reads only."}${isPublic ? " Needs no token." : ""}</p>${description === undefined ? "" : paragraphs(description)}${rows.length === 0 ? "" : `<table><tbody>${rows.join("")}</tbody></table>`}<pre>${html(curl(operation))}</pre><details><summary>Answers ${operation.status}, or a problem</summary><table><tbody>${problems.join("")}</tbody></table>${pre((described as { responses?: Record<string, unknown> }).responses?.[operation.status])}</details></article>`;
}

function curl({ method, path, body, example, isPublic, takesKey, otherTypes }: Operation): string {
  const parts = [
    `curl -sS${otherTypes?.includes("text/event-stream") ? "N" : ""}${method === "GET" || (method === "POST" && body) ? "" : ` -X ${method}`}`,
    ...(isPublic ? [] : ['-H "Authorization: Bearer $TOKEN"']),
    ...(takesKey ? ['-H "Idempotency-Key: $(uuidgen)"'] : []),
    ...(body ? ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(example ?? {})}'`] : []),
    `"$HUB${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => `$${name.replaceAll(/[A-Z]/g, "_$&").toUpperCase()}`)}"`,
  ];
  return parts.join(" \\\n  ");
}

function pre(value: unknown): string {
  return value === undefined ? "" : `<pre>${html(JSON.stringify(value, null, 2))}</pre>`;
}

function paragraphs(text: string): string {
  return text
    .split("\n\n")
    .map((paragraph) => `<p>${html(paragraph).replaceAll(/`([^`]*)`/g, "<code>$1</code>")}</p>`)
    .join("");
}

function html(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}
