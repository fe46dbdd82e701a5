import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { YankInstance } from "#lib/qapi/yank-instance";
import type { VmId } from "#lib/vm/report";
import type { ActRecord } from "#lib/yank/act";
import type { Action, Plan } from "#lib/yank/plan";
import { laterAct } from "../realtime/apply-server-event.ts";
import { apiGet, apiPost } from "./api.ts";
import type { ApiError } from "./api.ts";
import { keys } from "./keys.ts";

/** What the operator wants planned. `instances` is QEMU's own spelling and only for yanks. */
export interface PlanWish {
  action: Action;
  targets: { vmId: VmId; instances?: YankInstance[] }[];
  /** The incident it is begun from, where it is. */
  incidentId?: string;
}

/** Asks again while the act is open, because the message that closes it may be lost with a connection. */
const OPEN_ACT_POLL_MS = 2_000;

/** One act, as far as it is known. */
export function actQuery(actId: string) {
  return queryOptions({
    queryKey: keys.act(actId),
    queryFn: ({ signal }) => apiGet<ActRecord>(`/acts/${encodeURIComponent(actId)}`, signal),
    staleTime: 0,
    structuralSharing: (known, fetched) => laterAct(known as ActRecord | undefined, fetched as ActRecord),
    refetchInterval: (query) => (query.state.data?.targets.every((target) => target.isFinal) ? false : OPEN_ACT_POLL_MS),
  });
}

/** Makes a plan; a plan sends nothing to any VM. */
export function useMakePlan() {
  return useMutation<Plan, ApiError, PlanWish>({
    networkMode: "always",
    retry: false,
    gcTime: 0,
    mutationFn: (wish) => apiPost<Plan>("/plans", wish),
  });
}

export interface Confirmed {
  planId: string;
  typedName?: string;
  /** That the sentence which the plan asks for was ticked. */
  acknowledged?: boolean;
  reason?: string;
}

/** Confirms a plan, once and now. Never paused, retried or sent later. */
export function useConfirmPlan() {
  const queryClient = useQueryClient();
  return useMutation<ActRecord, ApiError, Confirmed>({
    networkMode: "always",
    retry: false,
    gcTime: 0,
    mutationFn: (confirmed) => apiPost<ActRecord>("/acts", confirmed),
    onSuccess: (act) => {
      queryClient.setQueryData<ActRecord>(keys.act(act.actId), (known) => laterAct(known, act));
    },
  });
}

/** Says that an operator has seen that this VM's process is gone. */
export function useDismissVm() {
  return useMutation<unknown, ApiError, VmId>({
    networkMode: "always",
    retry: false,
    gcTime: 0,
    mutationFn: (vmId) => apiPost(`/vms/${encodeURIComponent(vmId)}/dismiss`, {}),
  });
}
