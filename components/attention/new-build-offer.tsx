"use client";
import { useHasNewBuild } from "../realtime/use-new-build.ts";
import { Button } from "../ui/button.tsx";

/** Offers the new pages and never takes them by itself: a dialog may be open, and somebody may be reading. */
export function NewBuildOffer() {
  if (!useHasNewBuild()) return null;
  return (
    <p role="status" className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-raised px-4 py-2 text-strong sm:px-6">
      The hub was updated: this page is of the version before
      <Button size="small" onClick={() => location.reload()}>
        Load the new one
      </Button>
    </p>
  );
}
