"use client";
import { useState } from "react";
import type { ActRecord } from "#lib/yank/act";
import type { Action, Plan } from "#lib/yank/plan";
import type { ApiError } from "../queries/api.ts";
import { useConfirmPlan, useMakePlan } from "../queries/acts.ts";
import type { Confirmed, PlanWish } from "../queries/acts.ts";

/** Where one pull of a cord stands, from the wish to the act. */
export type DeskState =
  | { step: "closed" }
  | { step: "planning" }
  | { step: "refused"; error: ApiError }
  | { step: "planned"; plan: Plan; isConfirming: boolean; error: ApiError | null }
  | { step: "acting"; plan: Plan; act: ActRecord };

export interface YankDesk {
  state: DeskState;
  /** Asks for a plan; sends nothing to the VM. */
  ask: (wish: PlanWish) => void;
  /** Asks for the same plan again, because the last one is void or old. */
  askAgain: () => void;
  /** Asks for a softer act on the same VMs instead. */
  askSofter: (action: Action) => void;
  confirm: (confirmed: Omit<Confirmed, "planId">) => void;
  close: () => void;
}

/** One desk per page: at most one plan is looked at, and it is confirmed at most once. */
export function useYankDesk(): YankDesk {
  const [wish, setWish] = useState<PlanWish>();
  const planning = useMakePlan();
  const confirming = useConfirmPlan();

  function ask(next: PlanWish) {
    setWish(next);
    confirming.reset();
    planning.mutate(next);
  }
  function close() {
    setWish(undefined);
    confirming.reset();
    planning.reset();
  }
  return {
    state: deskState(wish, planning, confirming),
    ask,
    askAgain: () => wish && ask(wish),
    askSofter: (action) => wish && ask({ ...wish, action, targets: wish.targets.map(({ vmId }) => ({ vmId })) }),
    confirm: (confirmed) => planning.data && confirming.mutate({ planId: planning.data.planId, ...confirmed }),
    close,
  };
}

function deskState(
  wish: PlanWish | undefined,
  planning: ReturnType<typeof useMakePlan>,
  confirming: ReturnType<typeof useConfirmPlan>,
): DeskState {
  if (!wish) return { step: "closed" };
  if (planning.isError) return { step: "refused", error: planning.error };
  if (!planning.data) return { step: "planning" };
  if (confirming.data) return { step: "acting", plan: planning.data, act: confirming.data };
  return { step: "planned", plan: planning.data, isConfirming: confirming.isPending, error: confirming.error };
}
