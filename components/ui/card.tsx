import { useId } from "react";
import type { ReactNode } from "react";
import { cx } from "./cx.ts";

export interface CardProps {
  title: string;
  /** Beside the title, at the far end. */
  aside?: ReactNode;
  children: ReactNode;
  /** Without inner padding, for lists whose rows reach the edges. */
  isFlush?: boolean;
}

/** A titled part of a page; a landmark by its title. */
export function Card({ title, aside, children, isFlush = false }: CardProps) {
  const headingId = useId();
  return (
    <section aria-labelledby={headingId} className="min-w-0 rounded-xl border border-line bg-raised">
      <div
        className={cx("flex min-h-12 flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-2", isFlush && "border-b border-line")}
      >
        <h2 id={headingId} className="text-sm font-semibold text-strong">
          {title}
        </h2>
        {aside !== undefined && <div className="text-xs text-quiet">{aside}</div>}
      </div>
      <div className={isFlush ? undefined : "px-4 pb-4"}>{children}</div>
    </section>
  );
}
