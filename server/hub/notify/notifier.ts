import type { NotifyConfig } from "#lib/config/notify-schema";
import type { IncidentSummary } from "#lib/incident/incident";
import { AlertmanagerTarget } from "./alertmanager-target.ts";
import type { Outcome } from "./deliver.ts";
import type { Target, TargetOptions, TargetStatus } from "./target.ts";
import { WebhookTarget } from "./webhook-target.ts";

/** Everybody who is told. Each receiver has its own queue and its own pace. */
export class Notifier {
  readonly #targets: Map<string, Target>;
  readonly #testing = new Set<string>();

  private constructor(targets: readonly Target[]) {
    this.#targets = new Map(targets.map((target) => [target.name, target]));
  }

  /** @throws when the store cannot be read. */
  static async open(configs: readonly NotifyConfig[], options: TargetOptions): Promise<Notifier> {
    await options.store.keepOnly(configs.map(({ name }) => name));
    const open = (config: NotifyConfig): Promise<Target> =>
      config.type === "alertmanager" ? AlertmanagerTarget.open(config, options) : WebhookTarget.open(config, options);
    return new Notifier(await Promise.all(configs.map(open)));
  }

  incidentsChanged(incidents: readonly IncidentSummary[]): void {
    for (const target of this.#targets.values()) target.incidentsChanged(incidents);
  }

  /** To be called every second. */
  tick(): void {
    for (const target of this.#targets.values()) target.tick();
  }

  statuses(): TargetStatus[] {
    return Array.from(this.#targets.values(), (target) => target.status());
  }

  /** Sends a test message; undefined where there is no receiver of this name. One at a time. */
  async test(name: string): Promise<Outcome | undefined> {
    const target = this.#targets.get(name);
    if (!target) return undefined;
    if (this.#testing.has(name)) return { kind: "retry", reason: "a test is under way" };
    this.#testing.add(name);
    return target.test().finally(() => this.#testing.delete(name));
  }

  /** What is not delivered stays for the next hub. Safe to call twice. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#targets.values(), (target) => target.close()));
  }
}
