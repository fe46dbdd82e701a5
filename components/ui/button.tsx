import type { ComponentProps } from "react";
import { cx } from "./cx.ts";

type Tone = "plain" | "primary" | "danger" | "ghost";

const TONES: Record<Tone, string> = {
  plain: "border-line bg-sunken text-strong hover:border-line-strong",
  primary: "border-transparent bg-strong text-on-strong hover:opacity-90",
  // Trouble-coloured only where it cuts something that is in trouble; filled lightly, so that the words stay readable.
  danger: "border-hung/60 bg-hung/12 text-hung hover:border-hung",
  ghost: "border-transparent bg-transparent text-body hover:bg-sunken hover:text-strong",
};

export interface ButtonProps extends Omit<ComponentProps<"button">, "type"> {
  tone?: Tone;
  size?: "small" | "normal";
}

/** A button that never submits a form by itself: acting is always a click on its own handler. */
export function Button({ tone = "plain", size = "normal", className, ...rest }: ButtonProps) {
  return <button {...rest} type="button" className={cx(buttonClass(tone, size), className)} />;
}

/** The same look for links. */
export function buttonClass(tone: Tone = "plain", size: "small" | "normal" = "normal"): string {
  return cx(
    "inline-flex items-center justify-center gap-2 rounded-lg border font-semibold whitespace-nowrap",
    "disabled:cursor-not-allowed disabled:border-line disabled:bg-transparent disabled:text-quiet disabled:hover:border-line",
    size === "small" ? "min-h-7 px-3 text-sm" : "min-h-9 px-3.5 text-sm",
    TONES[tone],
  );
}
