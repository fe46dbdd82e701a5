import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockMatchesInstalled, lockStamp, webSourcesStamp } from "./checkout-stamps.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ripcord-stamps-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe("the stamp of the web app's sources", () => {
  beforeEach(() => {
    write("app/page.tsx", "page");
    write("components/vm/card.tsx", "card");
    write("package-lock.json", "{}");
  });

  test("changes with a source, and comes back with it", () => {
    const before = webSourcesStamp(root);
    write("components/vm/card.tsx", "another card");
    expect(webSourcesStamp(root)).not.toBe(before);
    write("components/vm/card.tsx", "card");
    expect(webSourcesStamp(root)).toBe(before);
  });

  test("takes no notice of time stamps", () => {
    const before = webSourcesStamp(root);
    utimesSync(join(root, "app/page.tsx"), 1, 1);
    expect(webSourcesStamp(root)).toBe(before);
  });

  test("changes when a file appears, moves or goes", () => {
    const before = webSourcesStamp(root);
    write("app/audit/page.tsx", "audit");
    const withAnother = webSourcesStamp(root);
    rmSync(join(root, "app/audit/page.tsx"));
    write("app/incidents/page.tsx", "audit");
    expect(new Set([before, withAnother, webSourcesStamp(root)]).size).toBe(3);
    rmSync(join(root, "app/incidents"), { recursive: true });
    expect(webSourcesStamp(root)).toBe(before);
  });

  test("leaves out tests and what the web app does not read", () => {
    const before = webSourcesStamp(root);
    write("components/vm/card.test.tsx", "test");
    write("server/hub/compose.ts", "hub");
    expect(webSourcesStamp(root)).toBe(before);
  });
});

test("the stamp of the lock file follows its content", () => {
  write("package-lock.json", "{}");
  const before = lockStamp(root);
  write("package-lock.json", '{"a":1}');
  expect(lockStamp(root)).not.toBe(before);
});

describe("whether an installation is what the lock file asks for", () => {
  const lock = {
    packages: {
      "": { name: "ripcord" },
      "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
      "node_modules/b": { version: "2.0.0", integrity: "sha512-b", dev: true },
      "node_modules/b-darwin": { version: "2.0.0", integrity: "sha512-bd", optional: true },
    },
  };
  const whole = { packages: { "node_modules/a": lock.packages["node_modules/a"], "node_modules/b": lock.packages["node_modules/b"] } };

  function matches(installed: unknown): boolean {
    return lockMatchesInstalled(JSON.stringify(lock), typeof installed === "string" ? installed : JSON.stringify(installed));
  }

  test("is so with everything but other platforms' packages", () => {
    expect(matches(whole)).toBe(true);
  });

  test("is not so with another version or content, a package too many or too few, or development packages left out", () => {
    expect(matches({ packages: { ...whole.packages, "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } } })).toBe(false);
    expect(matches({ packages: { ...whole.packages, "node_modules/a": { version: "1.0.0", integrity: "sha512-x" } } })).toBe(false);
    expect(matches({ packages: { ...whole.packages, "node_modules/c": { version: "1.0.0" } } })).toBe(false);
    expect(matches({ packages: { "node_modules/a": lock.packages["node_modules/a"] } })).toBe(false);
  });

  test("is not so where npm's record cannot be read", () => {
    expect(matches("")).toBe(false);
    expect(matches("null")).toBe(false);
    expect(matches("{}")).toBe(false);
  });
});
