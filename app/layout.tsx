import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import "@fontsource-variable/inter/index.css";
import { THEME_SCRIPT } from "../components/ui/theme-script.ts";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Ripcord", template: "%s · Ripcord" },
  description: "Which QEMU virtual machines hang, why, and the cord to pull",
  icons: { icon: { url: "/favicon.svg", type: "image/svg+xml" } },
};

export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  colorScheme: "light dark",
  // The buttons of a dialog stand above a keyboard on the screen, not behind it.
  interactiveWidget: "resizes-content",
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    // The script below may set data-theme before React looks.
    <html lang="en" suppressHydrationWarning>
      <head>
        <script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} />
      </head>
      <body>{children}</body>
    </html>
  );
}
