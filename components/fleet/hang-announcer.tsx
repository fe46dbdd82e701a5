import { useEffect, useRef, useState } from "react";
import type { VmSummary } from "#lib/api/vm";
import { verdictTitle } from "../vm/verdict-words.ts";

/** Tells whoever listens instead of looking about each new hang, once. What was there before the page is not news. */
export function HangAnnouncer({ vms }: { vms: VmSummary[] }) {
  const seen = useRef<Set<string> | undefined>(undefined);
  const [text, setText] = useState("");
  useEffect(() => {
    const hung = vms.filter((vm) => vm.health.kind === "main-loop-hung" || vm.health.kind === "silent");
    const known = seen.current;
    seen.current = new Set(hung.map(hangKey));
    const fresh = known ? hung.filter((vm) => !known.has(hangKey(vm))) : [];
    if (fresh.length > 0) setText(fresh.map((vm) => `${vm.name} on ${vm.host}: ${verdictTitle(vm.health)}`).join(". "));
  }, [vms]);
  return (
    <div aria-live="assertive" className="sr-only">
      {text}
    </div>
  );
}

function hangKey(vm: VmSummary): string {
  return `${vm.vmId} ${vm.health.kind} ${vm.health.sinceAtMs}`;
}
