import { Search } from "lucide-react";
import { useEffect, useRef } from "react";
import type { KeyboardEvent } from "react";
import { Kbd } from "../ui/kbd.tsx";

/** Finds VMs by their words. `/` leads here from anywhere on the page, Escape empties it and leaves. */
export function SearchField({ value, onChange, onLeave }: { value: string; onChange: (value: string) => void; onLeave: () => void }) {
  const inputRef = useRef<HTMLInputElement>(null);
  useEffect(() => {
    function handleKey(event: globalThis.KeyboardEvent) {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      inputRef.current?.focus();
    }
    window.addEventListener("keydown", handleKey);
    return () => window.removeEventListener("keydown", handleKey);
  }, []);
  function handleKeyDown(event: KeyboardEvent<HTMLInputElement>) {
    if (event.key !== "Escape") return;
    onChange("");
    event.currentTarget.blur();
  }
  return (
    <div className="relative w-full min-w-0 sm:max-w-130">
      <Search size={16} aria-hidden="true" className="pointer-events-none absolute top-2.5 left-3 text-quiet" />
      <input
        ref={inputRef}
        type="search"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={handleKeyDown}
        onBlur={onLeave}
        aria-label="Find a VM by name, host, address, tag, far side or anything else that its row says"
        placeholder="Find a VM, host, far side, tag"
        autoComplete="off"
        spellCheck={false}
        className="h-9 w-full rounded-lg border border-line bg-raised pr-9 pl-9 text-base text-strong placeholder:text-quiet hover:border-line-strong [&::-webkit-search-cancel-button]:hidden"
      />
      {value === "" && (
        <span className="pointer-events-none absolute top-2 right-2 max-sm:hidden">
          <Kbd>/</Kbd>
        </span>
      )}
    </div>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
