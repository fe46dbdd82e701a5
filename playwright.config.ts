import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** Browser tests against real QEMUs. Each test starts the processes that it needs through its fixtures. */
export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.spec.ts",
  outputDir: "test-results",
  // The tests hang real VMs and measure how soon that is seen; beside each other they would measure each other.
  workers: 1,
  fullyParallel: false,
  // A test that needs a second try has found something.
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: findChromium(),
      args: [
        // Chromium's sandbox refuses to run as root, which is what containers run tests as.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
});

/** The Chromium of this machine; undefined lets Playwright look for one that it downloaded itself. */
function findChromium(): string | undefined {
  const named = process.env.RIPCORD_CHROMIUM;
  if (named) return named;
  if (existsSync("/usr/bin/chromium")) return "/usr/bin/chromium";
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}
