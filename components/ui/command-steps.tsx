import { CodeBlock } from "./code-block.tsx";

export interface CommandStep {
  /** One sentence, without a full stop; its first letter is made a capital. */
  text: string;
  commands?: string[];
}

/** Things for a person to do, in order, each with its commands to copy. Nothing here runs anything. */
export function CommandSteps({ steps, label }: { steps: readonly CommandStep[]; label: string }) {
  return (
    <ol aria-label={label} className="grid gap-3">
      {steps.map(({ text, commands }, index) => (
        <li key={text} className="grid grid-cols-[20px_1fr] gap-x-2">
          <span aria-hidden="true" className="text-quiet">
            {steps.length > 1 ? index + 1 : "→"}
          </span>
          <div className="min-w-0">
            <p className="wrap-anywhere text-strong first-letter:uppercase">{text}</p>
            {commands && commands.length > 0 && (
              <div className="mt-1.5">
                <CodeBlock text={commands.join("\n")} copyLabel={`Copy the commands: ${text}`} />
              </div>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}
