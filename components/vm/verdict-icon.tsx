import type { ReactNode } from "react";
import type { HealthKind } from "#lib/health/verdict";
import { VERDICT_TEXT_CLASS } from "./verdict-words.ts";

/** One silhouette per verdict, told apart without colour and at 16 px. Cut-outs take the surface's colour. */
const SHAPES: Record<HealthKind, ReactNode> = {
  "main-loop-hung": (
    <>
      <path d="M6.7 1.5h6.6l5.2 5.2v6.6l-5.2 5.2H6.7l-5.2-5.2V6.7z" fill="currentColor" />
      <rect x="5" y="8.6" width="10" height="2.8" rx=".4" className="fill-base" />
    </>
  ),
  silent: <rect x="2.5" y="2.5" width="15" height="15" rx="1.5" fill="currentColor" />,
  "io-stalled": (
    <>
      <path d="M10 1.4 19.2 18H.8z" fill="currentColor" stroke="currentColor" strokeWidth="1" strokeLinejoin="round" />
      <path d="M8.2 8.6v6.2M11.8 8.6v6.2" className="stroke-base" strokeWidth="1.9" />
    </>
  ),
  "migration-stalled": (
    <path
      d="M1.5 10h11M8.2 5.2 13 10l-4.8 4.8M17.6 3v14"
      stroke="currentColor"
      strokeWidth="2.4"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  ),
  "guest-stopped": <path d="M10 1.2 18.8 10 10 18.8 1.2 10z" fill="currentColor" />,
  unreachable: (
    <path
      d="M8.2 5.6 10 3.8a4.3 4.3 0 0 1 6.2 6.2l-1.8 1.8M11.8 14.4 10 16.2A4.3 4.3 0 0 1 3.8 10l1.8-1.8M2.2 2.2l15.6 15.6"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
    />
  ),
  slow: (
    <>
      <circle cx="10" cy="10" r="7.6" stroke="currentColor" strokeWidth="1.8" />
      <path d="M10 5.6V10l3 2.4" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
    </>
  ),
  unknown: <circle cx="10" cy="10" r="7.2" stroke="currentColor" strokeWidth="1.8" strokeDasharray="3.2 2.45" />,
  "monitor-busy": (
    <>
      <rect x="3.4" y="8.6" width="13.2" height="9" rx="1.6" stroke="currentColor" strokeWidth="1.8" />
      <path d="M6.4 8.4V6a3.6 3.6 0 0 1 7.2 0v2.4" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
    </>
  ),
  healthy: <circle cx="10" cy="10" r="5.8" stroke="currentColor" strokeWidth="1.8" />,
};

/** Decorative: the word always stands beside it. */
export function VerdictIcon({ kind, size = 16, isMuted = false }: { kind: HealthKind; size?: number; isMuted?: boolean }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      aria-hidden="true"
      focusable="false"
      className={`shrink-0 ${isMuted ? "text-muted" : VERDICT_TEXT_CLASS[kind]}`}
    >
      {SHAPES[kind]}
    </svg>
  );
}
