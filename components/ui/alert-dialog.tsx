"use client";
import { AlertDialog as Base } from "@base-ui/react/alert-dialog";
import { useEffect, useRef } from "react";
import type { ReactNode, RefObject } from "react";

export interface AlertDialogProps {
  title: string;
  /** Beside the title. */
  aside?: ReactNode;
  onClose: () => void;
  /** Where the focus goes when it opens: where Enter does no harm. */
  initialFocus: RefObject<HTMLButtonElement | null>;
  children: ReactNode;
}

/** A question that must be answered: the page behind it is out of reach, Escape means no. At the bottom on a phone, under the thumb. */
export function AlertDialog({ title, aside, onClose, initialFocus, children }: AlertDialogProps) {
  return (
    <Base.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Base.Viewport className="fixed inset-0 z-50 flex items-end justify-center overflow-y-auto sm:items-center sm:p-4">
          <Base.Popup
            initialFocus={initialFocus}
            className="flex max-h-[92dvh] w-full max-w-140 flex-col rounded-t-2xl border border-line bg-raised outline-none sm:rounded-2xl"
            style={{ boxShadow: "var(--shadow-dialog)" }}
          >
            <div className="flex items-start justify-between gap-3 px-5 pt-5 pb-2 sm:px-6">
              <Base.Title className="min-w-0 text-lg font-semibold wrap-anywhere text-strong">{title}</Base.Title>
              {aside !== undefined && <div className="shrink-0">{aside}</div>}
            </div>
            {children}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

/** What scrolls when the dialog is higher than the screen. The field that has the focus stays in sight, also when a keyboard on the screen takes half of it. */
export function AlertDialogBody({ children }: { children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const handleResize = () => keepFieldInSight(ref.current, document.activeElement);
    window.addEventListener("resize", handleResize);
    return () => window.removeEventListener("resize", handleResize);
  }, []);
  return (
    <div
      ref={ref}
      tabIndex={-1}
      onFocus={(event) => keepFieldInSight(event.currentTarget, event.target)}
      className="grid min-h-0 gap-4 overflow-y-auto px-5 pt-2 pb-4 outline-none sm:px-6"
    >
      {children}
    </div>
  );
}

/** Room for the ring of the focus. */
const FIELD_MARGIN_PX = 8;

/** With its label: browsers bring only the line itself into sight, and that only in part. */
function keepFieldInSight(body: HTMLElement | null, focused: Element | null): void {
  if (!(focused instanceof HTMLInputElement) || !focused.parentElement || !body?.contains(focused)) return;
  const box = body.getBoundingClientRect();
  const field = focused.parentElement.getBoundingClientRect();
  const below = field.bottom + FIELD_MARGIN_PX - box.bottom;
  const above = box.top + FIELD_MARGIN_PX - field.top;
  if (below > 0) body.scrollTop += below;
  else if (above > 0) body.scrollTop -= above;
}

/** The buttons; always in sight. The focus is shown also to those who came by mouse: Enter would press it. */
export function AlertDialogActions({ children }: { children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-5 pt-3 pb-5 [&>button:focus]:outline-2 [&>button:focus]:outline-offset-2 [&>button:focus]:outline-info max-sm:[&>button]:min-h-11 max-sm:[&>button]:flex-1 sm:px-6">
      {children}
    </div>
  );
}
