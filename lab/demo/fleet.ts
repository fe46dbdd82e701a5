/** One VM of the demo that has something wrong with it, or several with one cause, and how to bring that about. */
export interface BreakableVm {
  /** For the terminal. */
  readonly name: string;
  /** Those that the screen shows; the first of them where it is one. */
  readonly vmNames: readonly string[];
  /** For the terminal: what happened to it. */
  readonly story: string;
  /** A fresh look; false once somebody yanked or cancelled. */
  isBroken(): Promise<boolean>;
  /** Makes it whole after a yank, starting it again where it ended. Does nothing to a whole one. */
  mend(): Promise<void>;
  /** Breaks a whole VM, and resolves once it is broken. */
  break(): Promise<void>;
}

/** The demo's VMs, real or simulated. Whoever started it closes it, which may be done twice. */
export interface DemoFleet {
  readonly vmCount: number;
  readonly breakable: readonly BreakableVm[];
  close(): Promise<void>;
}

/** Tags by name, for the config that the demo writes: what a shop would have there. */
export const DEMO_TAGS: readonly { match: string; tags: readonly string[] }[] = [
  { match: "db-*", tags: ["production", "database"] },
  { match: "erp-*", tags: ["production", "erp"] },
  { match: "mail-*", tags: ["production", "mail"] },
  { match: "crm-*", tags: ["production", "crm"] },
  { match: "web-*", tags: ["production", "web"] },
  { match: "shop-*", tags: ["production", "shop"] },
  { match: "logs-*", tags: ["production", "logs"] },
  { match: "build-*", tags: ["ci"] },
  { match: "ci-*", tags: ["ci"] },
  { match: "staging-*", tags: ["staging"] },
];
