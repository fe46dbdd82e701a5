"use client";
import { ChevronDown } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import type { ReactNode } from "react";
import { cx } from "../ui/cx.ts";

/** A button with a panel under it, which a click elsewhere, Escape or leaving it closes. What is in it is made when it opens. */
export function DropDown({
  label,
  isActive = false,
  align = "right",
  children,
}: {
  label: string;
  isActive?: boolean;
  align?: "left" | "right";
  children: () => ReactNode;
}) {
  const [isOpen, setIsOpen] = useState(false);
  const panelId = useId();
  const rootRef = useRef<HTMLDivElement>(null);
  const buttonRef = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    function handlePointer(event: PointerEvent) {
      if (event.target instanceof Node && !rootRef.current?.contains(event.target)) setIsOpen(false);
    }
    function handleKey(event: KeyboardEvent) {
      if (event.key !== "Escape") return;
      setIsOpen(false);
      buttonRef.current?.focus();
    }
    document.addEventListener("pointerdown", handlePointer);
    document.addEventListener("keydown", handleKey);
    return () => {
      document.removeEventListener("pointerdown", handlePointer);
      document.removeEventListener("keydown", handleKey);
    };
  }, [isOpen]);
  return (
    <div
      ref={rootRef}
      className="relative"
      onBlur={(event) => {
        if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget)) setIsOpen(false);
      }}
    >
      <button
        ref={buttonRef}
        type="button"
        aria-expanded={isOpen}
        aria-controls={isOpen ? panelId : undefined}
        onClick={() => setIsOpen(!isOpen)}
        className={cx(
          "inline-flex min-h-8 items-center gap-1 rounded-full border px-3 text-sm whitespace-nowrap",
          isActive ? "border-line-strong bg-sunken text-strong" : "border-line text-body hover:border-line-strong",
        )}
      >
        {label}
        <ChevronDown size={14} aria-hidden="true" />
      </button>
      {isOpen && (
        <div
          id={panelId}
          role="group"
          aria-label={label}
          className={cx(
            "absolute top-full z-30 mt-1 max-h-[60vh] w-72 max-w-[calc(100vw-32px)] overflow-y-auto rounded-xl border border-line bg-raised p-3 text-sm shadow-lg max-sm:fixed max-sm:inset-x-4 max-sm:top-auto max-sm:bottom-18 max-sm:w-auto",
            align === "right" ? "right-0" : "left-0",
          )}
        >
          {children()}
        </div>
      )}
    </div>
  );
}
