import { Unplug } from "lucide-react";
import { AskAgain } from "./ask-again.tsx";
import { CONTENT_ID } from "./content-id.ts";

/** A page that could not be made says why, and claims nothing about any VM. */
export function HubTrouble({ detail }: { detail: string }) {
  return (
    <main
      id={CONTENT_ID}
      tabIndex={-1}
      className="mx-auto flex min-h-[60vh] max-w-120 flex-col items-center justify-center px-4 text-center"
    >
      <Unplug size={32} aria-hidden="true" className="mb-4 text-muted" />
      <h1 className="text-lg font-semibold text-strong">The hub cannot be asked</h1>
      <p className="mt-1 mb-4">{detail}. Nothing is known of any VM on this page.</p>
      <AskAgain />
    </main>
  );
}
