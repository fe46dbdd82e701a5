import type { Kysely } from "kysely";
import type { ResolvedConfig } from "#server/config/read-config";
import { hashOf } from "../store/audit-chain.ts";
import { HUB_ACTOR } from "../store/audit-log.ts";
import type { AuditLog } from "../store/audit-log.ts";
import type { RecordTables } from "../store/schema.ts";

const KEY = "config";
const MAX_CHANGES = 40;
const MAX_VALUE = 120;

/** Every key of the effective configuration with its value as text. */
type FlatConfig = Record<string, string>;

/** Puts the configuration that holds now into the record, with what is other than the last time. */
export async function noteConfig(db: Kysely<RecordTables>, audit: AuditLog, resolved: ResolvedConfig, trigger: "start" | "reload") {
  const config = flatConfig(resolved);
  const text = JSON.stringify(config);
  await db.transaction().execute(async (transaction) => {
    const last = await transaction.selectFrom("meta").select("value").where("key", "=", KEY).executeTakeFirst();
    const changes = last === undefined ? [] : changesOf(JSON.parse(last.value) as FlatConfig, config);
    await transaction
      .insertInto("meta")
      .values({ key: KEY, value: text })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: text }))
      .execute();
    await audit.appendIn(transaction, HUB_ACTOR, {
      type: "config-loaded",
      trigger,
      ...(resolved.file === undefined ? {} : { file: resolved.file }),
      hash: hashOf(text),
      changes: changes.slice(0, MAX_CHANGES),
      ...(changes.length > MAX_CHANGES ? { moreChanges: changes.length - MAX_CHANGES } : {}),
    });
  });
}

/** Tokens stand in files of their own; only their paths are here. A URL may hold a password, which is left out. */
function flatConfig({ config, dataDir, bridgeId, bridgeLabel }: ResolvedConfig): FlatConfig {
  const flat: FlatConfig = {};
  const visit = (path: string, value: unknown) => {
    if (value === undefined) return;
    if (typeof value === "object" && value !== null) {
      const inner = Array.isArray(value) ? value.map((item, index): [string, unknown] => [`[${index}]`, item]) : members(value);
      for (const [key, member] of inner) visit(path + key, member);
    } else flat[path.replace(/^\./, "")] = typeof value === "string" ? withoutSecrets(path, value) : JSON.stringify(value);
  };
  visit("", { ...config, dataDir, bridge: { ...config.bridge, id: bridgeId, label: bridgeLabel } });
  return Object.fromEntries(Object.entries(flat).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function members(value: object): [string, unknown][] {
  return Object.entries(value).map(([key, member]) => [`.${key}`, member]);
}

/** Of a receiver's address the path is a secret as often as not: that it changed is told by a hash, which tells nothing else. */
function withoutSecrets(path: string, text: string): string {
  if (/^\.(?:notify\[\d+\]|deadMan)\.url$/.test(path)) return `${new URL(text).origin}/… (${hashOf(text).slice(0, 8)})`;
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1…@");
}

function changesOf(before: FlatConfig, now: FlatConfig): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].toSorted();
  return keys.filter((key) => before[key] !== now[key]).map((key) => `${key}: ${show(before[key])} → ${show(now[key])}`);
}

function show(value: string | undefined): string {
  if (value === undefined) return "not set";
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
}
