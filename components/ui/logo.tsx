/** The mark: a cord with its ring, ready to be pulled. Decorative; the name stands beside it or on its link. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
      <path d="M16 2v14.5" className="stroke-strong" strokeWidth="3" strokeLinecap="round" />
      <circle cx="16" cy="23" r="6" className="stroke-hung" strokeWidth="3.5" />
    </svg>
  );
}
