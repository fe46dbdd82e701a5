import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useEffect, useEffectEvent } from "react";
import type { VmDetail } from "#lib/api/vm";
import { isKnownYankInstance } from "#lib/qapi/yank-instance";
import { instanceKey } from "#lib/vm/instance";
import type { YankDesk } from "./use-yank-desk.ts";

/** `?ask=block-node:nbd0` opens the dialog of that cord, once; the plan decides the rest. The URL then forgets it, so that a reload asks nothing. */
export function useAskFromUrl(vm: VmDetail, desk: YankDesk): void {
  const wanted = useSearchParams().get("ask");
  const router = useRouter();
  const path = usePathname();
  // What changes of the VM or the desk afterwards must not ask again: only a new wish in the URL does.
  const ask = useEffectEvent((key: string) => {
    router.replace(path);
    const instance = vm.instances.find((candidate) => instanceKey(candidate.instance) === key)?.instance;
    if (instance && isKnownYankInstance(instance)) desk.ask({ action: "yank", targets: [{ vmId: vm.vmId, instances: [instance] }] });
  });
  useEffect(() => {
    if (wanted !== null) ask(wanted);
  }, [wanted]);
}
