import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { METRICS } from "./definitions.ts";

const read = (name: string) => readFileSync(new URL(`../../../docs/monitoring/${name}`, import.meta.url), "utf8");

const ruleSchema = z.strictObject({
  alert: z.string().regex(/^Ripcord[A-Z]\w+$/),
  expr: z.string().min(1),
  for: z
    .string()
    .regex(/^\d+[smh]$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(["critical", "warning", "info"]) }),
  annotations: z.strictObject({ summary: z.string().min(1), description: z.string().min(1) }),
});
const rulesSchema = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(ruleSchema).min(1) })).min(1) });
const dashboardSchema = z.object({
  uid: z.string(),
  panels: z.array(
    z.object({ id: z.number(), title: z.string(), targets: z.array(z.object({ refId: z.string(), expr: z.string().min(1) })) }),
  ),
});

/** Metrics that an expression names and that do not exist, and labels of them that they do not have. */
function mistakes(expression: string): string[] {
  const found: string[] = [];
  for (const [, name = "", selector = ""] of expression.matchAll(/(ripcord_\w+)(?:\{([^}]*)\})?/g)) {
    const known = Object.entries(METRICS).find(
      ([metric, { type }]) => metric === name || (type === "histogram" && name.replace(/_(bucket|sum|count)$/, "") === metric),
    );
    if (!known) {
      found.push(name);
      continue;
    }
    const labels: readonly string[] = known[1].labels;
    for (const [, label = "", value = ""] of selector.matchAll(/(\w+)[=!]~?"([^"]*)"/g)) {
      if (!labels.includes(label)) found.push(`${name}{${label}}`);
      if (label !== "verdict" || name === "ripcord_act_targets_total") continue;
      found.push(...value.split("|").filter((verdict) => !HEALTH_KINDS.some((kind) => kind === verdict)));
    }
  }
  return found;
}

describe("the alert rules", () => {
  const { groups } = rulesSchema.parse(parse(read("ripcord-rules.yml")));
  const rules = groups.flatMap((group) => group.rules);

  test("are named once each", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  test.each(rules.map(({ alert, expr }) => [alert, expr]))("%s asks for metrics, labels and verdicts that there are", (_alert, expr) => {
    expect(mistakes(expr)).toEqual([]);
  });
});

describe("the dashboard", () => {
  const { panels } = dashboardSchema.parse(JSON.parse(read("grafana-dashboard.json")));

  test("has panels with ids of their own", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test.each(panels.map(({ title, targets }) => [title, targets.map(({ expr }) => expr)] as const))(
    "%s asks for metrics, labels and verdicts that there are",
    (_title, expressions) => {
      expect(expressions.flatMap(mistakes)).toEqual([]);
    },
  );
});

test("a metric, a label or a verdict that does not exist is found", () => {
  expect(mistakes('ripcord_nothing > 1 or ripcord_vms{colour="red"} or ripcord_vms{verdict="hung"}')).toEqual([
    "ripcord_nothing",
    "ripcord_vms{colour}",
    "hung",
  ]);
});
