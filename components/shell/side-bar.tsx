"use client";
import { useQuery } from "@tanstack/react-query";
import { List, ScrollText, Settings, Siren } from "lucide-react";
import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { openIncidents } from "../incident/incident-words.ts";
import { incidentsQuery } from "../queries/incidents.ts";
import { cx } from "../ui/cx.ts";
import { Logo } from "../ui/logo.tsx";

const PLACES = [
  { href: "/", label: "Fleet", Icon: List, isHere: (path: string) => path === "/" || path.startsWith("/vms/") },
  { href: "/incidents", label: "Incidents", Icon: Siren, isHere: (path: string) => path.startsWith("/incidents") },
  { href: "/audit", label: "Audit", Icon: ScrollText, isHere: (path: string) => path.startsWith("/audit") || path.startsWith("/acts/") },
  { href: "/settings", label: "Settings", Icon: Settings, isHere: (path: string) => path.startsWith("/settings") },
] as const;

/** Where one can go. At the side on wide screens, at the bottom on a phone, where a thumb reaches it. */
export function SideBar() {
  const path = usePathname();
  return (
    <nav
      aria-label="Main"
      className="fixed inset-x-0 bottom-0 z-30 flex h-14 items-center justify-center gap-2 border-t border-line bg-base px-2 sm:inset-x-auto sm:inset-y-0 sm:left-0 sm:h-auto sm:w-16 sm:flex-col sm:justify-start sm:border-t-0 sm:border-r sm:px-0 sm:py-3"
    >
      <Link href="/" aria-label="Ripcord, to the fleet" className="mb-3 hidden size-10 items-center justify-center rounded-lg sm:flex">
        <Logo size={28} />
      </Link>
      {PLACES.map(({ href, label, Icon, isHere }) => (
        <Link
          key={href}
          href={href}
          prefetch={href === "/incidents" ? false : undefined}
          aria-current={isHere(path) ? "page" : undefined}
          className={cx(
            "relative flex h-11 min-w-16 flex-col items-center justify-center gap-0.5 rounded-lg text-xs sm:h-12 sm:w-14 sm:min-w-0",
            isHere(path) ? "bg-sunken text-strong" : "text-quiet hover:text-strong",
          )}
        >
          <Icon size={16} aria-hidden="true" />
          {label}
          {href === "/incidents" && <OpenCount />}
        </Link>
      ))}
    </nav>
  );
}

/** How many incidents are open; nothing while none is. */
function OpenCount(): ReactNode {
  const { data } = useQuery(incidentsQuery());
  const count = openIncidents(data?.incidents ?? []).length;
  if (count === 0) return null;
  return (
    <span className="absolute top-0.5 right-3 min-w-4 rounded-full bg-strong px-1 text-center text-xs leading-4 font-semibold text-on-strong sm:right-1">
      <span className="sr-only">, open: </span>
      {count > 99 ? "99+" : count}
    </span>
  );
}
