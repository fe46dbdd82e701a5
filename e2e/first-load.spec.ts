import { gzipSync } from "node:zlib";
import { expect, test as base } from "@playwright/test";
import { PretendFleet } from "./support/pretend-fleet.ts";

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start({ hosts: 1, perHost: 2 });
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

/** In bytes of gzip; React and Next alone are 132,000 of them. */
const BUDGETS = [
  { path: "", name: "the fleet", maxBytes: 230_000 },
  { path: "wall", name: "the wall", maxBytes: 170_000 },
] as const;

for (const { path, name, maxBytes } of BUDGETS) {
  test(`the scripts that ${name} loads first are at most ${maxBytes / 1_000} kB`, async ({ request, fleet }) => {
    const html = await (await request.get(fleet.url + path)).text();
    const scripts = new Set(
      [...html.matchAll(/<script\b[^>]*\bsrc="([^"]+)"[^>]*>/g)].filter(([tag]) => !/nomodule/i.test(tag)).map((match) => match[1] ?? ""),
    );
    expect(scripts.size).toBeGreaterThan(0);
    const sizes = await Promise.all(
      [...scripts].map(async (src) => {
        const text = await (await request.get(new URL(src, fleet.url).href)).text();
        return { src, bytes: gzipSync(text, { level: 9 }).length, hasZod: /ZodError|invalid_type/.test(text) };
      }),
    );
    expect(
      sizes.filter(({ hasZod }) => hasZod),
      "zod stays out of the browser",
    ).toEqual([]);
    const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total, sizes.map(({ src, bytes }) => `${bytes} ${src}`).join("\n")).toBeLessThanOrEqual(maxBytes);
  });
}
