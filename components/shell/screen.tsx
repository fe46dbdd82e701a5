import type { ReactNode } from "react";
import { NewBuildOffer } from "../attention/new-build-offer.tsx";
import { NotifyToggle } from "../attention/notify-toggle.tsx";
import { PaletteButton } from "../palette/palette-button.tsx";
import { ConnectionBanner } from "../realtime/connection-banner.tsx";
import { LiveIndicator } from "../realtime/live-indicator.tsx";
import { SimulatedBadge } from "../realtime/simulated-badge.tsx";
import { ThemeToggle } from "../ui/theme-toggle.tsx";
import { CONTENT_ID } from "./content-id.ts";

/** What every page has around its content: the bar that says how old everything is, and the banner when it is too old. */
export function Screen({ heading, children }: { heading: ReactNode; children: ReactNode }) {
  return (
    <>
      <header className="sticky top-0 z-20 border-b border-line bg-base">
        <ConnectionBanner />
        <NewBuildOffer />
        <div className="flex min-h-14 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 sm:flex-nowrap sm:px-6">
          <div className="flex min-w-0 flex-1 basis-full items-center gap-3 sm:basis-auto">{heading}</div>
          <div className="flex min-w-0 flex-1 items-center justify-between gap-3 sm:flex-none sm:justify-end">
            <SimulatedBadge />
            <LiveIndicator />
            <PaletteButton />
            <NotifyToggle />
            <ThemeToggle />
          </div>
        </div>
      </header>
      <main id={CONTENT_ID} tabIndex={-1} className="px-4 pt-4 pb-20 sm:px-6 sm:pb-10">
        {children}
      </main>
    </>
  );
}
