"use client";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { reduceShortcut } from "./shortcuts.ts";
import type { PendingKey } from "./shortcuts.ts";

const CommandPalette = dynamic(() => import("./command-palette.tsx"), { ssr: false });
const ShortcutsHelp = dynamic(() => import("./shortcuts-help.tsx"), { ssr: false });

/** Listens for the keys that work on every page, and opens what they ask for. */
export function GlobalKeys() {
  const router = useRouter();
  const [open, setOpen] = useState<"palette" | "help">();
  const pending = useRef<PendingKey | undefined>(undefined);
  useEffect(() => {
    function handleKey(event: KeyboardEvent) {
      const { key, ctrlKey, metaKey, altKey, target, timeStamp } = event;
      if (event.defaultPrevented) return;
      const { pending: next, action } = reduceShortcut(pending.current, {
        key,
        ctrlKey,
        metaKey,
        altKey,
        isTyping: isField(target),
        isInDialog: document.querySelector("[role=dialog],[role=alertdialog]") !== null,
        atMs: timeStamp,
      });
      pending.current = next;
      if (!action) return;
      event.preventDefault();
      if (action.type === "go") router.push(action.href);
      else setOpen(action.type);
    }
    function handleOpen() {
      setOpen("palette");
    }
    window.addEventListener("keydown", handleKey);
    window.addEventListener(OPEN_PALETTE, handleOpen);
    return () => {
      window.removeEventListener("keydown", handleKey);
      window.removeEventListener(OPEN_PALETTE, handleOpen);
    };
  }, [router]);
  const handleClose = () => setOpen(undefined);
  if (open === "palette") return <CommandPalette onClose={handleClose} />;
  return open === "help" ? <ShortcutsHelp onClose={handleClose} /> : null;
}

const OPEN_PALETTE = "ripcord:open-palette";

/** For those who have no keyboard at hand. */
export function openPalette(): void {
  window.dispatchEvent(new Event(OPEN_PALETTE));
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
