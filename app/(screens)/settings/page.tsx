import type { Metadata } from "next";
import type { SettingsView } from "#lib/api/settings";
import { SettingsScreen } from "../../../components/settings/settings-screen.tsx";
import { HubTrouble } from "../../../components/shell/hub-trouble.tsx";
import { askHub } from "../../hub-api.ts";

export const dynamic = "force-dynamic";
export const metadata: Metadata = { title: "Settings" };

export default async function SettingsPage() {
  const answer = await askHub<SettingsView>("/settings");
  if (!answer.ok) return <HubTrouble detail={answer.detail} />;
  return <SettingsScreen settings={answer.data} />;
}
