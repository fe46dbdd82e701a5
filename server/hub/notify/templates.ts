import { assertNever } from "#lib/assert-never";
import type { IncidentSummary } from "#lib/incident/incident";
import type { WebhookConfig } from "#lib/config/notify-schema";
import { KIND_WORDS } from "#lib/incident/title";
import { plainLine } from "../plain-line.ts";
import type { UpdateKind } from "./update.ts";

const MAX_LINE = 300;
const MAX_HOSTS = 5;
/** Of a storm so many incidents are named; the others are counted. */
const MAX_NAMED = 10;
/** Programs get so many of them whole. */
const MAX_FACTS = 200;
/** Slack refuses a section beyond 3,000. */
const MAX_SECTION = 2_900;

/** One message: an update of one incident, many that opened at once, or a test. */
export type Message =
  | { type: "incident"; update: UpdateKind; incident: IncidentSummary }
  | { type: "storm"; incidents: readonly IncidentSummary[] }
  | { type: "test"; atMs: number };

/** As it stands in every format: plain lines, the first the most important, none of them markup. */
interface Text {
  title: string;
  lines: string[];
  url?: string;
}

/** The body for a receiver. `link` is the address under which people reach the pages. */
export function renderBody(template: WebhookConfig["template"], message: Message, idempotencyKey: string, link?: string): string {
  const text = textOf(message, link);
  switch (template) {
    case "ripcord":
      return JSON.stringify({ version: 1, event: eventOf(message), idempotencyKey, ...text, ...factsOf(message) });
    case "slack":
      return JSON.stringify(slack(text));
    case "mattermost":
      return JSON.stringify({ text: mattermost(text) });
    case "teams":
      return JSON.stringify(teams(text));
    default:
      return assertNever(template);
  }
}

/** "incident.opened", "storm", "test". */
export function eventOf(message: Message): string {
  return message.type === "incident" ? `incident.${message.update}` : message.type;
}

function textOf(message: Message, link: string | undefined): Text {
  const at = (path: string) => (link === undefined ? {} : { url: `${link.replace(/\/+$/, "")}${path}` });
  switch (message.type) {
    case "incident": {
      const { incident, update } = message;
      const title = line(`#${incident.number} ${update}: ${incident.title}`);
      return { title, lines: describe(incident), ...at(`/incidents/${incident.incidentId}`) };
    }
    case "storm": {
      const { incidents } = message;
      const troubled = incidents.reduce((sum, incident) => sum + incident.troubledCount, 0);
      const named = incidents.slice(0, MAX_NAMED).map(({ number, title }) => line(`#${number} ${title}`));
      const others = incidents.length - named.length;
      const lines = [...named, ...(others > 0 ? [`and ${others} more incidents`] : [])];
      return { title: `${incidents.length} incidents opened at once: ${troubled} VMs in trouble`, lines, ...at("/incidents") };
    }
    case "test":
      return { title: "Ripcord: a test message", lines: ["Somebody asked Ripcord to send this. Nothing is wrong."], ...at("/") };
    default:
      return assertNever(message);
  }
}

function describe(incident: IncidentSummary): string[] {
  const { troubledCount, memberCount, worstKind, hosts, acknowledgement, resolvedBy, cause } = incident;
  const others = hosts.length - MAX_HOSTS;
  return [
    `${troubledCount} of ${memberCount} VMs in trouble; worst: ${KIND_WORDS[worstKind]}`,
    `Cause: ${cause.text}${cause.isEstablished === true ? "" : " (not established)"}`,
    `Hosts: ${hosts.slice(0, MAX_HOSTS).join(", ")}${others > 0 ? ` and ${others} more` : ""}`,
    ...(acknowledgement === undefined ? [] : [`On it: ${acknowledgement.who}`]),
    ...(resolvedBy === undefined ? [] : [`Resolved by ${resolvedBy}`]),
  ].map(line);
}

/** What a program reads; `threadKey` is the same for everything about one incident. */
function factsOf(message: Message): Record<string, unknown> {
  switch (message.type) {
    case "incident":
      return { threadKey: message.incident.incidentId, incident: factsOfIncident(message.incident) };
    case "storm":
      return { incidentCount: message.incidents.length, incidents: message.incidents.slice(0, MAX_FACTS).map(factsOfIncident) };
    case "test":
      return {};
    default:
      return assertNever(message);
  }
}

function factsOfIncident(incident: IncidentSummary) {
  const { incidentId, number, state, cause, title, openedAtMs, beganAtMs, mitigatedAtMs, resolvedAtMs, hosts, acknowledgement } = incident;
  const { memberCount, troubledCount, worstKind, flapCount, resolvedBy, continuesId, mergedIntoId } = incident;
  return {
    ...{
      incidentId,
      number,
      state,
      title: line(title),
      cause: { kind: cause.kind, text: line(cause.text), isEstablished: cause.isEstablished === true },
    },
    ...{ memberCount, troubledCount, worstKind, flapCount, hosts: hosts.slice(0, 100).map(line) },
    ...{ openedAtMs, beganAtMs, mitigatedAtMs, resolvedAtMs, resolvedBy, acknowledgement, continuesId, mergedIntoId },
  };
}

/** Plain text objects, in which Slack reads no markup and no mention; only our own link is markup. */
function slack({ title, lines, url }: Text) {
  const plain = (text: string) => ({ type: "section", text: { type: "plain_text", text, emoji: false } });
  return {
    text: slackEscape(title),
    blocks: [
      plain(title),
      ...(lines.length === 0 ? [] : [plain(Array.from(lines.join("\n")).slice(0, MAX_SECTION).join(""))]),
      ...(url === undefined ? [] : [{ type: "section", text: { type: "mrkdwn", text: `<${slackEscape(url)}|Open in Ripcord>` } }]),
    ],
  };
}

/** In `text`, for notifications, mentions and links begin with `<`. */
function slackEscape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function mattermost({ title, lines, url }: Text): string {
  return [
    `**${markdownEscape(title)}**`,
    ...lines.map((text) => `- ${markdownEscape(text)}`),
    ...(url === undefined ? [] : [`[Open in Ripcord](${encodeURI(url).replaceAll(/[()]/g, encodeURIComponent)})`]),
  ].join("\n");
}

/** Markdown's characters behind a backslash. Mentions and bare addresses know none: they are broken by a joiner. */
function markdownEscape(text: string): string {
  return text
    .replaceAll(/[\\`*_{}[\]()#+\-.!|<>~:^$]/g, String.raw`\$&`)
    .replaceAll("@", "@\u200B")
    .replaceAll(/(https?|www|ftp|mailto)/gi, (scheme) => `${scheme.slice(0, 1)}\u200B${scheme.slice(1)}`);
}

/** An adaptive card of text runs, in which Teams reads no markup. */
function teams({ title, lines, url }: Text) {
  const runs = (text: string, isBold: boolean) => ({
    type: "RichTextBlock",
    inlines: [{ type: "TextRun", text, ...(isBold ? { weight: "Bolder", size: "Medium" } : {}) }],
  });
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [runs(title, true), ...lines.map((text) => runs(text, false))],
    ...(url === undefined ? {} : { actions: [{ type: "Action.OpenUrl", title: "Open in Ripcord", url }] }),
  };
  return { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", content }] };
}

function line(text: string): string {
  return plainLine(text, MAX_LINE);
}
