import { z } from "zod";

/** Whom the hub tells, and how. Secrets stand in files and never here. */
export const receiverNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "letters, digits, dot, dash, underscore; at most 64");

/** Any address that may stand in the config, without credentials in it: they belong into files. */
const httpUrl = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// address" })
  .refine((text) => !/^https?:\/\/[^/?#]*@/i.test(text), "must not hold a user or a password: they belong into a file");

const link = httpUrl.optional();
const file = z.string().min(1);

const alertmanagerSchema = z.strictObject({
  name: receiverNameSchema,
  type: z.literal("alertmanager"),
  /** Without /api/v2/alerts. */
  url: httpUrl,
  /** A Bearer token, where it asks for one. */
  tokenFile: file.optional(),
  /** Labels of every alert, for its routes. */
  labels: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().max(256)).default({ severity: "critical" }),
  /** Below Alertmanager's resolve_timeout, or what stands is taken for resolved. */
  resendMs: z.number().int().min(1_000).max(3_600_000).default(60_000),
  link,
});

const webhookSchema = z
  .strictObject({
    name: receiverNameSchema,
    type: z.literal("webhook"),
    url: httpUrl.optional(),
    /** The address in a file: those of chat tools are secrets. */
    urlFile: file.optional(),
    template: z.enum(["ripcord", "slack", "mattermost", "teams"]).default("ripcord"),
    /** What the body is signed with. */
    secretFile: file.optional(),
    /** Between two updates of one incident. */
    minIntervalMs: z.number().int().min(0).max(3_600_000).default(30_000),
    link,
  })
  .refine(({ url, urlFile }) => (url === undefined) !== (urlFile === undefined), { path: ["url"], error: "exactly one of url and urlFile" })
  .refine(({ template, secretFile }) => template !== "ripcord" || secretFile !== undefined, {
    path: ["secretFile"],
    error: "the template ripcord is signed, and needs a secretFile",
  });

const targetSchema = z.discriminatedUnion("type", [alertmanagerSchema, webhookSchema]);

export const notifySchema = z
  .array(targetSchema)
  .max(32)
  .default([])
  .refine((targets) => new Set(targets.map((target) => target.name)).size === targets.length, "names must differ");

export const deadManSchema = z
  .strictObject({
    url: httpUrl.optional(),
    urlFile: file.optional(),
    everyMs: z.number().int().min(1_000).max(3_600_000).default(60_000),
    /** Which bridges have to be heard for Ripcord to be well. */
    bridges: z.enum(["all", "any", "none"]).default("all"),
  })
  .refine(({ url, urlFile }) => (url === undefined) !== (urlFile === undefined), { path: ["url"], error: "exactly one of url and urlFile" })
  .optional();

export type NotifyConfig = z.infer<typeof notifySchema>[number];
export type AlertmanagerConfig = z.infer<typeof alertmanagerSchema>;
export type WebhookConfig = z.infer<typeof webhookSchema>;
export type DeadManConfig = NonNullable<z.infer<typeof deadManSchema>>;
