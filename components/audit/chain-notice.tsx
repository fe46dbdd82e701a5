import { ShieldAlert, ShieldCheck } from "lucide-react";
import type { AuditState } from "#lib/audit/chain-state";
import { formatUtc } from "../ui/format.ts";

/** Whether the record is as it was written, as far as the hub has looked. Quiet while it is, loud when it is not. */
export function ChainNotice({ state }: { state: AuditState | undefined }) {
  if (state === undefined) return null;
  const { check, trouble, isChecking } = state;
  if (check?.fault) {
    return (
      <div role="alert" className="mb-4 rounded-xl border border-hung/60 bg-hung/12 px-4 py-3 sm:px-5">
        <p className="flex items-center gap-2 font-semibold text-hung">
          <ShieldAlert size={18} aria-hidden="true" className="shrink-0" />
          This record is not as it was written, from row {check.fault.sequence} on
        </p>
        <p className="mt-1 wrap-anywhere text-strong">
          Found at {formatUtc(check.atMs)}: {check.fault.text}. Keep the data folder as it is, and run <code>./ripcord audit verify</code>
        </p>
      </div>
    );
  }
  const verified = check
    ? check.throughSequence === 0
      ? `Nothing to verify at ${formatUtc(check.atMs)}`
      : `Verified through row ${check.throughSequence} at ${formatUtc(check.atMs)}`
    : isChecking
      ? "Being verified"
      : "Not verified yet";
  return (
    <div className="mb-4 text-sm">
      <p role="status" aria-label="State of the record" className="flex items-center gap-2">
        <ShieldCheck size={16} aria-hidden="true" className="shrink-0" />
        {verified}
        {state.head && (
          <span className="text-quiet max-sm:hidden">
            newest row {state.head.sequence}, hash <code title={state.head.hash}>{state.head.hash.slice(0, 12)}</code>
          </span>
        )}
      </p>
      {[...(trouble === undefined ? [] : [trouble]), ...(check?.notes ?? [])].map((note) => (
        <p key={note} className="mt-1 wrap-anywhere">
          {note.charAt(0).toUpperCase() + note.slice(1)}
        </p>
      ))}
    </div>
  );
}
