import { expect, test } from "vitest";
import { incidentSummary } from "../../../tests/support/incident-summary.ts";
import { renderBody } from "./templates.ts";

const HOSTILE = 'x<!channel> @here *b* _i_ `c` [l](https://evil.example) <b>&amp; "q"\\ \u0000\u001b[31m\n\u202Eabc\ud800';
const message = { type: "incident" as const, update: "opened" as const, incident: incidentSummary({ title: HOSTILE, hosts: [HOSTILE] }) };

test("the signed body is JSON of one line per text, with a key for the thread and one for the message", () => {
  const body = JSON.parse(renderBody("ripcord", message, "key-1", "https://ripcord.example.org/")) as Record<string, unknown>;
  expect(body).toMatchObject({
    version: 1,
    event: "incident.opened",
    threadKey: "inc-1",
    idempotencyKey: "key-1",
    url: "https://ripcord.example.org/incidents/inc-1",
    incident: { incidentId: "inc-1", number: 12, state: "open", worstKind: "main-loop-hung" },
  });
  expect(body.title).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("Slack gets what came from VMs as plain text, and neither mentions nor links of theirs", () => {
  const body = JSON.parse(renderBody("slack", message, "k", "https://ripcord.example.org")) as {
    text: string;
    blocks: { text: { type: string; text: string } }[];
  };
  expect(body.text).not.toMatch(/[<>]/);
  const markup = body.blocks.filter(({ text }) => text.type !== "plain_text");
  expect(markup.map(({ text }) => text.text)).toEqual(["<https://ripcord.example.org/incidents/inc-1|Open in Ripcord>"]);
});

test("Mattermost gets every character that means something behind a backslash, and no mention and no link", () => {
  const { text } = JSON.parse(renderBody("mattermost", message, "k")) as { text: string };
  expect(text.split("\n")).toHaveLength(4);
  expect(text).toContain(String.raw`\*b\* \_i\_ \`c\` \[l\]\(`);
  expect(text).not.toMatch(/@here|https:|(?<!\\)[<>[\]`]/);
});

test("Teams gets text runs, in which nothing is markup", () => {
  const body = JSON.parse(renderBody("teams", message, "k", "https://ripcord.example.org")) as {
    attachments: { contentType: string; content: { body: { type: string }[]; actions: unknown[] } }[];
  };
  expect(body.attachments[0]?.contentType).toBe("application/vnd.microsoft.card.adaptive");
  expect(new Set(body.attachments[0]?.content.body.map(({ type }) => type))).toEqual(new Set(["RichTextBlock"]));
  expect(body.attachments[0]?.content.actions).toHaveLength(1);
});

test.each(["ripcord", "slack", "mattermost", "teams"] as const)("%s: a storm of very long names stays bounded", (template) => {
  const incidents = Array.from({ length: 1_000 }, (_, number) => incidentSummary({ number, title: "n".repeat(5_000) }));
  const body = renderBody(template, { type: "storm", incidents }, "k");
  expect(body.length).toBeLessThan(250_000);
  if (template !== "ripcord") expect(body.length).toBeLessThan(20_000);
  expect(body).toContain("1000 incidents opened at once");
});
