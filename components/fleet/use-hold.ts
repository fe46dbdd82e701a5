"use client";
import { useState } from "react";
import type { FocusEvent, PointerEvent } from "react";
import type { VmId } from "#lib/vm/report";

/** Whether somebody is at a list: a pointer in it, or the focus; and at which row. */
export interface Hold {
  isHeld: boolean;
  anchor: VmId | undefined;
  /** The row that has the focus: it has to stay drawn, wherever it is scrolled to. */
  focused: VmId | undefined;
  handlers: {
    onPointerOver: (event: PointerEvent) => void;
    onPointerLeave: () => void;
    onFocus: (event: FocusEvent) => void;
    onBlur: (event: FocusEvent) => void;
  };
}

export function useHold(): Hold {
  const [pointed, setPointed] = useState<{ row: VmId | undefined }>();
  const [focused, setFocused] = useState<VmId>();
  return {
    isHeld: pointed !== undefined || focused !== undefined,
    anchor: focused ?? pointed?.row,
    focused,
    handlers: {
      onPointerOver(event) {
        // A finger points at nothing between two touches.
        if (event.pointerType === "touch") return;
        const row = rowOf(event.target);
        setPointed((before) => (before && before.row === row ? before : { row }));
      },
      onPointerLeave: () => setPointed(undefined),
      onFocus: (event) => setFocused(rowOf(event.target)),
      onBlur(event) {
        if (!event.currentTarget.contains(event.relatedTarget)) setFocused(undefined);
      },
    },
  };
}

function rowOf(target: EventTarget): VmId | undefined {
  return target instanceof Element ? target.closest<HTMLElement>("[data-vm]")?.dataset.vm : undefined;
}
