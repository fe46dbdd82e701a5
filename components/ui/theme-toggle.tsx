"use client";
import { Moon, Sun } from "lucide-react";
import { useSyncExternalStore } from "react";
import { THEME_KEY } from "./theme-script.ts";

type Theme = "light" | "dark";

/** Light or dark: the system's wish until somebody chooses. */
export function ThemeToggle() {
  const theme = useSyncExternalStore<Theme | undefined>(subscribe, currentTheme, () => undefined);
  const next = theme === "dark" ? "light" : "dark";
  function handleClick() {
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(THEME_KEY, next);
    } catch {
      // Storage is denied: the choice holds for this page.
    }
    for (const listener of listeners) listener();
  }
  return (
    <button
      type="button"
      onClick={handleClick}
      aria-label={`Use the ${next} theme`}
      className="inline-flex size-9 items-center justify-center rounded-lg text-body hover:bg-sunken hover:text-strong"
    >
      {theme === "light" ? <Moon size={16} aria-hidden="true" /> : <Sun size={16} aria-hidden="true" />}
    </button>
  );
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", listener);
  listeners.add(listener);
  return () => {
    system.removeEventListener("change", listener);
    listeners.delete(listener);
  };
}

function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
