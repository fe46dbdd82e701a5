import { CopyButton } from "./copy-button.tsx";

export interface CodeBlockProps {
  text: string;
  copyLabel: string;
  /** Lines stay whole and scroll sideways in the box; without it they wrap, so that all of the text is in sight. */
  keepsLines?: boolean;
}

/** Text that is meant to be copied exactly. */
export function CodeBlock({ text, copyLabel, keepsLines = false }: CodeBlockProps) {
  return (
    <div className="flex items-start justify-between gap-2 rounded-lg border border-line bg-base py-1 pr-1 pl-3">
      {keepsLines ? (
        // In the order of the keyboard, because it is scrolled with the arrow keys.
        <pre
          tabIndex={0}
          role="group"
          aria-label="To be copied"
          className="min-w-0 flex-1 overflow-x-auto py-1.5 font-mono text-xs leading-5 whitespace-pre text-strong"
        >
          {text}
        </pre>
      ) : (
        <pre className="min-w-0 py-1.5 font-mono text-xs leading-5 wrap-anywhere whitespace-pre-wrap text-strong">{text}</pre>
      )}
      <CopyButton text={text} label={copyLabel} />
    </div>
  );
}
