import Link from "next/link";
import type { ReactNode } from "react";

/** A link within text. Not fetched before it is followed: an old state must not wait behind it. */
export function TextLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} prefetch={false} className="rounded text-info underline decoration-1 underline-offset-2 hover:decoration-2">
      {children}
    </Link>
  );
}
