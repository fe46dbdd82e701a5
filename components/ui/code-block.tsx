import { CopyButton } from "./copy-button.tsx";

/** Text that is meant to be copied exactly. Wraps instead of scrolling sideways. */
export function CodeBlock({ text, copyLabel }: { text: string; copyLabel: string }) {
  return (
    <div className="flex items-start justify-between gap-2 rounded-lg border border-line bg-base py-1 pr-1 pl-3">
      <pre className="min-w-0 py-1.5 font-mono text-xs leading-5 wrap-anywhere whitespace-pre-wrap text-strong">{text}</pre>
      <CopyButton text={text} label={copyLabel} />
    </div>
  );
}
