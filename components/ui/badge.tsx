import type { ReactNode } from "react";
import { cx } from "./cx.ts";

/** A short fact in a capsule. `attention` is for what must not be overlooked without being trouble. */
export function Badge({ children, tone = "plain" }: { children: ReactNode; tone?: "plain" | "attention" }) {
  return (
    <span
      className={cx(
        "inline-flex min-h-6 items-center gap-1.5 rounded-full border px-2.5 text-xs whitespace-nowrap",
        tone === "attention" ? "border-info/60 bg-info/10 font-semibold text-info" : "border-line text-body",
      )}
    >
      {children}
    </span>
  );
}
