import type { ReactNode } from "react";
import { RealtimeProvider } from "../../components/realtime/realtime-provider.tsx";

export const dynamic = "force-dynamic";

/** Without the side bar: nobody clicks on a wall. */
export default function WallLayout({ children }: { children: ReactNode }) {
  return <RealtimeProvider renderedAtMs={Date.now()}>{children}</RealtimeProvider>;
}
