"use client";
import { Dialog } from "@base-ui/react/dialog";
import { Kbd } from "../ui/kbd.tsx";
import { SHORTCUTS } from "./shortcuts.ts";

/** The keys that work everywhere. Loaded when it is first opened. */
export default function ShortcutsHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Dialog.Viewport className="fixed inset-0 z-50 flex items-center justify-center p-4">
          <Dialog.Popup
            className="w-full max-w-110 rounded-2xl border border-line bg-raised p-5 outline-none sm:p-6"
            style={{ boxShadow: "var(--shadow-dialog)" }}
          >
            <div className="mb-3 flex items-baseline justify-between gap-3">
              <Dialog.Title className="text-lg font-semibold text-strong">Keys</Dialog.Title>
              <Dialog.Close className="min-h-6 rounded-md px-1 text-body hover:text-strong">Close</Dialog.Close>
            </div>
            <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-2">
              {SHORTCUTS.map(({ keys, text }) => (
                <div key={text} className="contents">
                  <dt className="flex gap-1">
                    {keys.map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
