import type { OutcomeTone } from "./act-words.ts";

/** A ring with what is known in it: nothing yet, a check, a line, or a cross. The words stand beside it. */
export function OutcomeIcon({ tone, size = 16 }: { tone: OutcomeTone; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className="shrink-0"
    >
      <circle cx="10" cy="10" r="7.8" strokeDasharray={tone === "open" ? "3.4 2.7" : undefined} />
      {tone === "good" && <path d="m6.4 10.3 2.5 2.5 4.8-5.2" />}
      {tone === "plain" && <path d="M6.6 10h6.8" />}
      {tone === "bad" && <path d="m7.2 7.2 5.6 5.6m0-5.6-5.6 5.6" />}
    </svg>
  );
}
