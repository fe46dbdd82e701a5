"use client";
import { useEffect } from "react";
import { Button } from "../../components/ui/button.tsx";
import { CONTENT_ID } from "../../components/shell/content-id.ts";

/** What broke is ours: nothing is claimed of any VM, and nothing was sent to one. */
export default function ScreenError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  useEffect(() => console.error(error), [error]);
  return (
    <main
      id={CONTENT_ID}
      tabIndex={-1}
      role="alert"
      className="mx-auto flex min-h-[60vh] max-w-120 flex-col items-center justify-center px-4 text-center"
    >
      <h1 className="text-lg font-semibold text-strong">This page failed</h1>
      <p className="mt-1 mb-4">
        A fault in the page itself{error.digest ? ` (${error.digest})` : ""}: it says nothing about your VMs. Bridges and hub go on.
      </p>
      <Button onClick={reset}>Draw it again</Button>
    </main>
  );
}
