"use client";
import { Kbd } from "../ui/kbd.tsx";
import { openPalette } from "./global-keys.tsx";

/** The palette for those who do not know its key yet; the key stands on it. */
export function PaletteButton() {
  return (
    <button
      type="button"
      onClick={openPalette}
      aria-label="Ctrl K: go to a VM, incident, page or cord"
      className="inline-flex min-h-9 items-center rounded-lg px-1.5 hover:bg-sunken max-md:hidden"
    >
      <Kbd>Ctrl K</Kbd>
    </button>
  );
}
