import { existsSync } from "node:fs";
import { chromium } from "playwright";
import type { Browser } from "playwright";

/** The Chromium that is measured: RIPCORD_CHROMIUM, else the system's, else one that Playwright fetched. */
function chromiumPath(): string | undefined {
  return process.env["RIPCORD_CHROMIUM"] ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : undefined);
}

/** Why the browser benchmarks cannot run here; undefined when they can. */
export function whyNoBrowser(): string | undefined {
  const path = chromiumPath() ?? chromium.executablePath();
  return existsSync(path) ? undefined : "no Chromium; RIPCORD_CHROMIUM names one elsewhere";
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      // Chromium's sandbox refuses to run as root, which is what containers run as.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}
