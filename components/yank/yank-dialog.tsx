"use client";
import { useRef } from "react";
import type { RefObject } from "react";
import { assertNever } from "#lib/assert-never";
import { AlertDialog, AlertDialogActions, AlertDialogBody } from "../ui/alert-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { ActView } from "./act-view.tsx";
import { PlanCountdown } from "./plan-countdown.tsx";
import { PlanView } from "./plan-view.tsx";
import { RefusalView } from "./refusal-view.tsx";
import type { DeskState, YankDesk } from "./use-yank-desk.ts";

/** From the plan to the verdict in one dialog, which stays until it is dismissed. */
export function YankDialog({ desk, cannotSend }: { desk: YankDesk; cannotSend: string | undefined }) {
  const cancelRef = useRef<HTMLButtonElement>(null);
  const { state } = desk;
  if (state.step === "closed") return null;
  return (
    <AlertDialog
      title={titleOf(state)}
      aside={state.step === "planned" && <PlanCountdown plan={state.plan} />}
      onClose={desk.close}
      initialFocus={cancelRef}
    >
      <Step state={state} desk={desk} cannotSend={cannotSend} cancelRef={cancelRef} />
    </AlertDialog>
  );
}

interface StepProps {
  state: Exclude<DeskState, { step: "closed" }>;
  desk: YankDesk;
  cannotSend: string | undefined;
  cancelRef: RefObject<HTMLButtonElement | null>;
}

function Step({ state, desk, cannotSend, cancelRef }: StepProps) {
  switch (state.step) {
    case "planning":
      return (
        <>
          <AlertDialogBody>
            <p role="status">Working out what would be cut. Nothing is sent to the VM.</p>
          </AlertDialogBody>
          <AlertDialogActions>
            <Button ref={cancelRef} onClick={desk.close}>
              Cancel
            </Button>
          </AlertDialogActions>
        </>
      );
    case "refused":
      return (
        <RefusalView error={state.error} cannotSend={cannotSend} closeRef={cancelRef} onAskAgain={desk.askAgain} onClose={desk.close} />
      );
    case "planned":
      return (
        <PlanView
          key={state.plan.planId}
          plan={state.plan}
          isConfirming={state.isConfirming}
          error={state.error}
          cannotSend={cannotSend}
          cancelRef={cancelRef}
          onConfirm={desk.confirm}
          onSofter={desk.askSofter}
          onAskAgain={desk.askAgain}
          onCancel={desk.close}
        />
      );
    case "acting":
      return <ActView confirmed={state.act} onClose={desk.close} />;
    default:
      return assertNever(state);
  }
}

function titleOf(state: Exclude<DeskState, { step: "closed" }>): string {
  switch (state.step) {
    case "planning":
      return "Preparing the plan";
    case "refused":
      return "This cannot be done now";
    case "planned":
      return state.plan.title;
    case "acting":
      return state.plan.title.replace(/\?$/, "");
    default:
      return assertNever(state);
  }
}
