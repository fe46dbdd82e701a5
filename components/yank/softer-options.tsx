import type { Action, SofterOption } from "#lib/yank/plan";
import { Button } from "../ui/button.tsx";

const ACTION_VERB: Record<Action, string> = {
  yank: "Yank instead…",
  "cancel-migration": "Cancel migration instead…",
  "pause-postcopy": "Pause postcopy instead…",
};

/** What is less final, in the order in which to try it. */
export function SofterOptions({
  options,
  isDisabled,
  onChoose,
}: {
  options: SofterOption[];
  isDisabled: boolean;
  onChoose: (action: Action) => void;
}) {
  if (options.length === 0) return null;
  return (
    <div className="rounded-lg border border-line bg-sunken px-4 py-3">
      <p className="mb-1 text-sm">Softer first</p>
      <ul className="grid gap-2">
        {options.map((option) => (
          <li key={`${option.code} ${option.text}`} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
            <span className="min-w-0 flex-1 basis-60 text-strong">{option.text}</span>
            {option.action && <SofterButton action={option.action} isDisabled={isDisabled} onChoose={onChoose} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function SofterButton({ action, isDisabled, onChoose }: { action: Action; isDisabled: boolean; onChoose: (action: Action) => void }) {
  return (
    <Button size="small" disabled={isDisabled} onClick={() => onChoose(action)}>
      {ACTION_VERB[action]}
    </Button>
  );
}
