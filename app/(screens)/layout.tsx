import type { ReactNode } from "react";
import { TitleBadge } from "../../components/attention/title-badge.tsx";
import { GlobalKeys } from "../../components/palette/global-keys.tsx";
import { RealtimeProvider } from "../../components/realtime/realtime-provider.tsx";
import { SideBar } from "../../components/shell/side-bar.tsx";
import { SkipLink } from "../../components/shell/skip-link.tsx";

export const dynamic = "force-dynamic";

export default function ScreensLayout({ children }: { children: ReactNode }) {
  // Pages are rendered in the hub's own process, so this is the hub's clock; the first tick corrects it.
  return (
    <RealtimeProvider renderedAtMs={Date.now()}>
      <SkipLink />
      <TitleBadge />
      <GlobalKeys />
      <SideBar />
      <div className="min-h-dvh sm:pl-16">{children}</div>
    </RealtimeProvider>
  );
}
