import { CopyButton } from "./copy-button.tsx";
import { cx } from "./cx.ts";

export interface CodeBlockProps {
  text: string;
  copyLabel: string;
  /** Lines stay whole and scroll sideways in the box; without it they wrap, so that all of the text is in sight. */
  keepsLines?: boolean;
}

/** Text that is meant to be copied exactly. */
export function CodeBlock({ text, copyLabel, keepsLines = false }: CodeBlockProps) {
  // The button stands within what scrolls: with the focus on it the arrow keys scroll the lines.
  return (
    <div
      className={cx(
        "flex items-start justify-between gap-2 rounded-lg border border-line bg-base py-1 pl-3",
        keepsLines && "overflow-x-auto",
      )}
    >
      <pre
        className={cx(
          "py-1.5 font-mono text-xs leading-5 text-strong",
          keepsLines ? "shrink-0 whitespace-pre" : "min-w-0 wrap-anywhere whitespace-pre-wrap",
        )}
      >
        {text}
      </pre>
      <div className="sticky right-0 shrink-0 bg-base pr-1">
        <CopyButton text={text} label={copyLabel} />
      </div>
    </div>
  );
}
