import { expect, test } from "vitest";
import { parseCommandLine, UsageError } from "./command-line.ts";

test("reads what to start and what overrides the file", () => {
  expect(parseCommandLine(["serve", "--config", "a.yaml", "--port=0", "--data-dir", "d"])).toMatchObject({
    command: "serve",
    config: "a.yaml",
    port: 0,
    dataDir: "d",
  });
  expect(parseCommandLine(["bridge", "--hub-url", "http://127.0.0.1:1"])).toMatchObject({
    command: "bridge",
    hubUrl: "http://127.0.0.1:1",
  });
  expect(parseCommandLine(["demo-serve", "--config", "a", "--demo", "simulated"])).toMatchObject({ demo: "simulated" });
});

test.each(["serve", "hub", "bridge"])("%s --help says how it is used", (command) => {
  expect(parseCommandLine([command, "--help"])).toEqual({ help: expect.stringContaining(`Usage: ./ripcord ${command} [OPTION…]`) });
});

test.each([
  [[], "a command is missing"],
  [["fly"], 'there is no command "fly"'],
  [["serve", "--prot", "1"], "--prot"],
  [["serve", "--port", "70000"], "expected a number from 0 to 65535"],
  [["serve", "--port", "x"], "expected a number"],
  [["serve", "extra"], "extra"],
  [["bridge", "--port", "1"], "bridge has no option --port"],
  [["demo-serve", "--demo", "real"], "needs --config"],
])("%j is refused", (args, words) => {
  expect(() => parseCommandLine(args)).toThrow(UsageError);
  expect(() => parseCommandLine(args)).toThrow(words);
});
