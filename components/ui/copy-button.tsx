"use client";
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

const CONFIRMED_FOR_MS = 2_000;

/** Copies `text`; says so, and says when the browser refused. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), CONFIRMED_FOR_MS);
    return () => clearTimeout(timer);
  }, [state]);
  async function handleClick() {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      // No permission, or a page without a secure context: the text stays selectable.
      setState("refused");
    }
  }
  return (
    <button
      type="button"
      onClick={() => void handleClick()}
      aria-label={label}
      className="inline-flex min-h-7 items-center gap-1.5 rounded-md px-2 text-xs text-body hover:bg-sunken hover:text-strong"
    >
      {state === "copied" ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
      <span aria-live="polite">{state === "copied" ? "Copied" : state === "refused" ? "Select and copy it" : "Copy"}</span>
    </button>
  );
}
