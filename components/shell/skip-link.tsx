"use client";
import { CONTENT_ID } from "./content-id.ts";

/** The first thing that Tab reaches: past the places to go, to the page itself. Not a change of the URL, which others read. */
export function SkipLink() {
  return (
    <a
      href={`#${CONTENT_ID}`}
      onClick={(event) => {
        event.preventDefault();
        document.getElementById(CONTENT_ID)?.focus();
      }}
      className="fixed top-2 left-2 z-50 -translate-y-16 rounded-lg border border-line-strong bg-raised px-3.5 py-2 text-sm font-semibold text-strong focus:translate-y-0"
    >
      Skip to the page
    </a>
  );
}
