import type { RefObject } from "react";
import type { ApiError } from "../queries/api.ts";
import { AlertDialogActions, AlertDialogBody } from "../ui/alert-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { useFocusOnMount } from "../ui/use-focus-on-mount.ts";

export interface RefusalViewProps {
  error: ApiError;
  cannotSend: string | undefined;
  closeRef: RefObject<HTMLButtonElement | null>;
  onAskAgain: () => void;
  onClose: () => void;
}

/** Why no plan was made. Nothing was sent to the VM. */
export function RefusalView({ error, cannotSend, closeRef, onAskAgain, onClose }: RefusalViewProps) {
  useFocusOnMount(closeRef);
  const reasons = reasonsOf(error.problem?.["reasons"]);
  return (
    <>
      <AlertDialogBody>
        <div role="alert">
          <p className="text-strong">{error.message}</p>
          {reasons.length > 0 && (
            <ul className="mt-2 list-disc pl-5">
              {reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          )}
        </div>
        <p>Nothing was sent to the VM.</p>
      </AlertDialogBody>
      <AlertDialogActions>
        {cannotSend !== undefined && <p className="text-sm">{cannotSend}</p>}
        <Button onClick={onAskAgain} disabled={cannotSend !== undefined}>
          Ask again
        </Button>
        <Button ref={closeRef} tone="primary" onClick={onClose}>
          Close
        </Button>
      </AlertDialogActions>
    </>
  );
}

/** The reasons of a `cannot-plan` problem, as far as they have text that the detail does not already say. */
function reasonsOf(reasons: unknown): string[] {
  if (!Array.isArray(reasons)) return [];
  return [...new Set(reasons.flatMap((reason: unknown) => textOf(reason) ?? []))];
}

function textOf(reason: unknown): string | undefined {
  return typeof reason === "object" && reason !== null && "text" in reason && typeof reason.text === "string" ? reason.text : undefined;
}
