"use client";
import type { ReactNode } from "react";
import type { SettingsView } from "#lib/api/settings";
import type { BridgeView } from "#lib/api/vm";
import { isBridgeBehind } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useLink } from "../realtime/use-freshness.ts";
import { Screen } from "../shell/screen.tsx";
import { Card } from "../ui/card.tsx";
import { CodeBlock } from "../ui/code-block.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatCount } from "../ui/format.ts";
import { Instant } from "../ui/instant.tsx";

/** What this hub runs by, and which bridges it hears. Read only: it is changed in the file, by whoever may. */
export function SettingsScreen({ settings }: { settings: SettingsView }) {
  const link = useLink();
  return (
    <Screen heading={<h1 className="text-lg font-semibold text-strong">Settings</h1>}>
      <div className="grid gap-4 xl:grid-cols-[3fr_2fr]">
        <Card title="Configuration in force" aside="read only">
          <p className="mb-3 max-w-180">
            {settings.file === undefined
              ? "No file was found, so that the defaults hold. Write what differs to /etc/ripcord/ripcord.yaml."
              : "Read from the file when the hub started. A change of vms, queries or thresholds is taken by SIGHUP, anything else by a restart; bridges on other hosts have files of their own."}
          </p>
          <CodeBlock text={settings.yaml} copyLabel="Copy the configuration" keepsLines />
        </Card>
        <div className="grid min-w-0 content-start gap-4">
          <Card title="This hub">
            <dl className="grid grid-cols-[minmax(88px,auto)_1fr] gap-x-4 gap-y-1.5">
              <Fact name="Version">{settings.version}</Fact>
              {settings.build !== undefined && <Fact name="Build">{settings.build}</Fact>}
              <Fact name="Started">
                <Instant atMs={settings.startedAtMs} withDate />
              </Fact>
              <Fact name="File">{settings.file ?? "none"}</Fact>
              <Fact name="Data folder">{settings.dataDir}</Fact>
            </dl>
          </Card>
          <Card title="Bridges" aside={formatCount(link.bridges.length, "host")} isFlush>
            <ul>
              {link.bridges.map((bridge) => (
                <BridgeRow key={bridge.bridgeId} bridge={bridge} serverTimeMs={link.serverTimeMs} />
              ))}
            </ul>
          </Card>
        </div>
      </div>
    </Screen>
  );
}

function BridgeRow({ bridge, serverTimeMs }: { bridge: BridgeView; serverTimeMs: number }) {
  const now = useNow();
  const isBehind = isBridgeBehind(bridge, serverTimeMs);
  const heardAtMs = bridge.newestProbeAtMs ?? bridge.lostSinceAtMs;
  return (
    <li className="border-b border-line px-4 py-3 last:border-b-0">
      <p className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="min-w-0 font-semibold wrap-anywhere text-strong">{bridge.host}</span>
        <span className={cx(isBehind && "font-semibold text-strong")}>
          {bridge.isSyncing ? "telling its VMs" : isBehind ? "not heard" : "heard"}
          {heardAtMs !== undefined && `, newest reading ${formatAgeInWords(now - heardAtMs)} ago`}
        </span>
      </p>
      <p>
        {formatCount(bridge.vmCount, "VM")}
        {bridge.bridgeId !== bridge.host && ` · ${bridge.bridgeId}`}
        {bridge.isSimulated && " · simulated"}
      </p>
      {bridge.notices.map((notice) => (
        <p key={notice} className="wrap-anywhere">
          {notice}
        </p>
      ))}
    </li>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-quiet">{name}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  );
}
