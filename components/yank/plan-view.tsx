import { useEffect, useRef, useState } from "react";
import type { RefObject } from "react";
import { isAcknowledged, isConfirmed } from "#lib/yank/confirmation";
import type { Action, Plan } from "#lib/yank/plan";
import type { Confirmed } from "../queries/acts.ts";
import type { ApiError } from "../queries/api.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { AlertDialogActions, AlertDialogBody } from "../ui/alert-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { CheckField, TextField } from "../ui/field.tsx";
import { useFocusOnMount } from "../ui/use-focus-on-mount.ts";
import { PlanCommands, PlanTargets } from "./plan-targets.tsx";
import { SofterOptions } from "./softer-options.tsx";

/** A plan that has just appeared cannot be confirmed at once: the second click of a double click may land on its button. */
const SETTLE_MS = 600;

export interface PlanViewProps {
  plan: Plan;
  isConfirming: boolean;
  error: ApiError | null;
  cannotSend: string | undefined;
  cancelRef: RefObject<HTMLButtonElement | null>;
  onConfirm: (confirmed: Omit<Confirmed, "planId">) => void;
  onSofter: (action: Action) => void;
  onAskAgain: () => void;
  onCancel: () => void;
}

/** One plan, to be confirmed or not. What is cut and whether it comes back is said by the plan, never by this component. */
export function PlanView({ plan, isConfirming, error, cannotSend, cancelRef, onConfirm, onSofter, onAskAgain, onCancel }: PlanViewProps) {
  const [typedName, setTypedName] = useState("");
  const [isTicked, setIsTicked] = useState(false);
  const [reason, setReason] = useState("");
  useFocusOnMount(cancelRef);
  const isSettled = useSettled();
  const now = useNow();
  const hasFired = useRef(false);
  // A failed attempt may be made again by hand: a plan acts at most once, whoever confirms it twice gets the same act.
  useEffect(() => {
    if (error) hasFired.current = false;
  }, [error]);
  const voidedBy = whyVoid(plan, error, now);
  const { confirmation } = plan;
  const acknowledge = confirmation.kind === "type-name" ? confirmation.acknowledge : undefined;
  const isMeant = isConfirmed(confirmation, typedName) && isAcknowledged(confirmation, isTicked);
  const isArmed = isMeant && isSettled && !isConfirming && voidedBy === undefined && cannotSend === undefined;
  function handleConfirm() {
    // The state of the mutation arrives with the next draw; a second click can come before it.
    if (!isArmed || hasFired.current) return;
    hasFired.current = true;
    onConfirm({
      typedName: confirmation.kind === "type-name" ? typedName : undefined,
      ...(acknowledge !== undefined && { acknowledged: isTicked }),
      reason: reason.trim() === "" ? undefined : reason.trim(),
    });
  }
  return (
    <>
      <AlertDialogBody>
        <PlanTargets plan={plan} />
        <SofterOptions options={plan.softer} isDisabled={cannotSend !== undefined || isConfirming} onChoose={onSofter} />
        <PlanCommands targets={plan.targets} />
        {voidedBy === undefined && acknowledge !== undefined && (
          <CheckField label={acknowledge} isChecked={isTicked} onChange={setIsTicked} />
        )}
        {voidedBy === undefined && confirmation.kind === "type-name" && (
          <TextField
            label={
              <>
                Type <span className="font-semibold text-strong">{confirmation.name}</span> to arm
              </>
            }
            value={typedName}
            onChange={setTypedName}
            isMono
          />
        )}
        {voidedBy === undefined && (
          <TextField label="Reason, for the record (optional)" value={reason} onChange={setReason} maxLength={2_000} />
        )}
        <div role="alert" className="empty:hidden">
          {voidedBy !== undefined ? (
            <p className="font-semibold text-strong">{voidedBy}. Nothing was sent.</p>
          ) : (
            error && <p className="font-semibold text-strong">{failureWords(error)}</p>
          )}
        </div>
      </AlertDialogBody>
      <AlertDialogActions>
        {cannotSend !== undefined && <p className="mr-auto text-sm">{cannotSend}</p>}
        <Button ref={cancelRef} onClick={onCancel}>
          {/* "Cancel" beside "Cancel migration" would be two buttons of one name. */}
          {plan.action === "cancel-migration" ? "Leave it running" : "Cancel"}
        </Button>
        {voidedBy === undefined ? (
          <Button tone="danger" disabled={!isArmed} aria-busy={isConfirming} onClick={handleConfirm}>
            {plan.verb}
          </Button>
        ) : (
          <Button tone="primary" disabled={cannotSend !== undefined} onClick={onAskAgain}>
            Make a new plan
          </Button>
        )}
      </AlertDialogActions>
    </>
  );
}

/** Why the plan cannot be confirmed any more, without a full stop. */
function whyVoid(plan: Plan, error: ApiError | null, nowMs: number): string | undefined {
  const code = error?.problem?.code;
  if (code === "plan-void" || code === "plan-expired") return error?.message.replace(/\.$/, "");
  // The error of an attempt that was made in time says more than that the time is over now.
  if (nowMs >= plan.expiresAtMs && !error) return "This plan is older than a minute, and the VM may have changed";
  return undefined;
}

function failureWords(error: ApiError): string {
  if (error.status === undefined) {
    return `${error.message}, so it may or may not have been done. Look at the VM and its past yanks first; confirming again does it at most once.`;
  }
  return `${error.message.replace(/\.$/, "")}. Nothing was sent by this click.`;
}

function useSettled(): boolean {
  const [isSettled, setIsSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsSettled(true), SETTLE_MS);
    return () => clearTimeout(timer);
  }, []);
  return isSettled;
}
