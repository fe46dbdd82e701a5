/** How far something has come; `undefined` where nobody can tell. */
export function ProgressBar({
  fraction,
  label,
  className = "bg-body",
}: {
  fraction: number | undefined;
  label: string;
  className?: string;
}) {
  const percent = fraction === undefined ? undefined : Math.round(Math.min(1, Math.max(0, fraction)) * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className="is-meter h-1.5 w-full overflow-hidden rounded-full bg-line"
    >
      <div className={`h-full rounded-full ${className}`} style={{ width: `${percent ?? 0}%` }} />
    </div>
  );
}
