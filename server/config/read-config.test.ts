import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configSchema } from "#lib/config/schema";
import { ConfigError, parseConfig, readConfig } from "./read-config.ts";

const FILE = "ripcord.yaml";

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, FILE);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("parseConfig", () => {
  test("an empty file is the defaults", () => {
    expect(parseConfig("# nothing\n", FILE)).toEqual(configSchema.parse({}));
  });

  test("the example names every key with its default", () => {
    const text = readFileSync(new URL("../../ripcord.example.yaml", import.meta.url), "utf8");
    expect(parseConfig(text, FILE)).toEqual(configSchema.parse({}));
    for (const key of ["dataDir", "id", "label", "tcp", "match", "tags", "hub", "url", "tokenFile"]) {
      expect(text, key).toMatch(new RegExp(`^ *#.*\\b${key}:`, "m"));
    }
  });

  test("an unknown key names its place and the key that was probably meant", () => {
    expect(problemsOf("listen:\n  prot: 80\n")).toEqual(["ripcord.yaml:2:3: listen.prot: unknown key; did you mean port?"]);
  });

  test("an unknown key that is like nothing lists what there is", () => {
    expect(problemsOf("listen:\n  colour: red\n")).toEqual(["ripcord.yaml:2:3: listen.colour: unknown key; expected one of host, port"]);
  });

  test("every problem is told at once, each with what was found and expected", () => {
    expect(
      problemsOf('listen:\n  port: "80"\nbridge:\n  probe:\n    intervalMs: 5\n  monitors:\n    - tcp: nowhere\n    - pth: /x\nvms: 3\n'),
    ).toEqual([
      'ripcord.yaml:2:3: listen.port: found "80", expected a number',
      'ripcord.yaml:7:7: bridge.monitors[0].tcp: found "nowhere": must be "host:port"',
      'ripcord.yaml:8:7: bridge.monitors[1]: found a map of keys, expected {path: /absolute/path.sock} or {tcp: "host:port"}',
      "ripcord.yaml:5:5: bridge.probe.intervalMs: found 5, expected at least 200",
      "ripcord.yaml:9:1: vms: found 3, expected a list",
    ]);
  });

  test("a file that is not YAML says where it stops being so", () => {
    expect(problemsOf("listen: {port: 1\nvms: []\n")[0]).toMatch(/^ripcord\.yaml:\d+:\d+: not YAML: /);
  });

  test("a key given twice is refused", () => {
    expect(problemsOf("vms: []\nvms: []\n")[0]).toMatch(/^ripcord\.yaml:2:1: not YAML: Map keys must be unique/);
  });

  test.each(["0.0.0.0", "::", "192.168.1.4", "vmhost.example.org", "127.evil.example"])(
    "listening on %s is refused with the reason",
    (host) => {
      expect(problemsOf(`listen:\n  host: "${host}"\n`)[0]).toMatch(
        /^ripcord\.yaml:2:3: listen\.host: must be a loopback address .*no users yet/,
      );
    },
  );

  test.each(["127.0.0.1", "127.8.4.4", "::1", "localhost"])("listening on %s is fine", (host) => {
    expect(problemsOf(`listen: {host: "${host}"}`)).toEqual([]);
  });
});

describe("whom it tells", () => {
  test("mistakes are explained one by one, and no address is repeated", () => {
    const problems = problemsOf(
      [
        "notify:",
        "  - {name: a, type: pager}",
        "  - {name: b, type: alertmanager, url: 'ftp://10.0.0.1/secret'}",
        "  - {name: c, type: webhook, url: 'https://user:secret@chat.example/x', template: slack}",
        "  - {name: d, type: webhook, url: 'https://chat.example/secret'}",
        "  - {name: e, type: webhook, url: 'https://chat.example/secret', urlFile: /x, template: slack}",
        "  - {name: f, type: alertmanager, url: 'http://10.0.0.1', secret: hunter2}",
        "deadMan: {everyMs: 5}",
        "metrics: {host: 0.0.0.0}",
        "",
      ].join("\n"),
    );
    expect(problems.map((line) => line.replace(/^ripcord\.yaml:\d+:\d+: /, ""))).toEqual([
      'notify[0].type: found "pager", expected alertmanager or webhook',
      "notify[1].url: must be an http:// or https:// address",
      "notify[2].url: must not hold a user or a password: they belong into a file",
      "notify[3].secretFile: found nothing: the template ripcord is signed, and needs a secretFile",
      "notify[4].url: exactly one of url and urlFile",
      expect.stringMatching(/^notify\[5\]\.secret: unknown key; expected one of name, type, url,/),
      "deadMan.everyMs: found 5, expected at least 1000",
      "deadMan.url: exactly one of url and urlFile",
    ]);
    expect(problems.join()).not.toMatch(/secret@|hunter2|example\/secret|10\.0\.0\.1\/secret/);
  });

  test("the port without a token is on loopback only, and names differ", () => {
    expect(problemsOf("metrics: {host: 0.0.0.0}")[0]).toMatch(/metrics\.host: must be a loopback address .*no token/);
    const twice = "notify:\n  - &a {name: a, type: alertmanager, url: 'http://10.0.0.1'}\n  - *a\n";
    expect(problemsOf(twice)[0]).toMatch(/notify: .*names must differ/);
  });
});

describe("readConfig", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ripcord-config-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a named file wins over the environment, which wins over the folder", () => {
    const write = (name: string, port: number) => writeFileSync(join(folder, name), `listen: {port: ${port}}\n`);
    write("ripcord.yaml", 1);
    write("environment.yaml", 2);
    write("named.yaml", 3);
    const portFrom = (file?: string, variable?: string) =>
      readConfig({ cwd: folder, env: { RIPCORD_CONFIG: variable }, ...(file ? { file } : {}) }).config.listen.port;
    expect(portFrom("named.yaml", "environment.yaml")).toBe(3);
    expect(portFrom(undefined, "environment.yaml")).toBe(2);
    expect(portFrom()).toBe(1);
  });

  test("overrides win over the file", () => {
    writeFileSync(join(folder, "ripcord.yaml"), "listen: {port: 1}\ndataDir: data\n");
    const resolved = readConfig({ cwd: folder, env: {}, port: 5, dataDir: "elsewhere" });
    expect(resolved.config.listen.port).toBe(5);
    expect(resolved.dataDir).toBe(join(folder, "elsewhere"));
  });

  test("a named file that is missing is an error, not the defaults", () => {
    expect(() => readConfig({ cwd: folder, env: {}, file: "gone.yaml" })).toThrow(/gone\.yaml: there is no such file/);
  });
});
