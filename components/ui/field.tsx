import { useId } from "react";
import type { ComponentProps, ReactNode } from "react";

interface TextFieldProps extends Omit<ComponentProps<"input">, "onChange" | "id"> {
  label: ReactNode;
  hint?: ReactNode;
  onChange: (value: string) => void;
  isMono?: boolean;
}

/** A labelled line of text. */
export function TextField({ label, hint, onChange, isMono = false, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm text-body">
        {label}
      </label>
      <input
        {...rest}
        id={id}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        className={`min-h-9 w-full rounded-lg border border-line-strong bg-base px-3 text-base text-strong placeholder:text-quiet ${isMono ? "font-mono text-sm" : ""}`}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-quiet">
          {hint}
        </p>
      )}
    </div>
  );
}

interface TextAreaProps extends Omit<ComponentProps<"textarea">, "onChange" | "id"> {
  label: ReactNode;
  onChange: (value: string) => void;
}

/** Several labelled lines of text. */
export function TextArea({ label, onChange, ...rest }: TextAreaProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm text-body">
        {label}
      </label>
      <textarea
        rows={3}
        {...rest}
        id={id}
        onChange={(event) => onChange(event.target.value)}
        className="block w-full resize-y rounded-lg border border-line-strong bg-base px-3 py-2 text-base text-strong placeholder:text-quiet"
      />
    </div>
  );
}

/** A sentence that is ticked by whoever means it. */
export function CheckField({
  label,
  isChecked,
  onChange,
}: {
  label: ReactNode;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
}) {
  return (
    <label className="flex items-start gap-3 rounded-lg border border-line-strong px-3 py-2 text-strong">
      <input
        type="checkbox"
        checked={isChecked}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-(--hue-info)"
      />
      <span className="min-w-0 wrap-anywhere">{label}</span>
    </label>
  );
}
