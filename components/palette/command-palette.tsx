"use client";
import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useRouter } from "next/navigation";
import { useDeferredValue, useMemo, useState } from "react";
import { fleetQuery } from "../queries/fleet.ts";
import { incidentsQuery } from "../queries/incidents.ts";
import { Kbd } from "../ui/kbd.tsx";
import { paletteGroups } from "./palette-items.ts";
import type { PaletteGroup, PaletteItem } from "./palette-items.ts";

/** Leads to any VM, incident, page or cord by a few letters. Loaded when it is first opened. */
export default function CommandPalette({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const [query, setQuery] = useState("");
  const { data: fleet } = useQuery(fleetQuery());
  const { data: list } = useQuery(incidentsQuery());
  const wanted = useDeferredValue(query);
  const groups = useMemo(() => paletteGroups(wanted, fleet?.vms ?? [], list?.incidents ?? []), [wanted, fleet?.vms, list?.incidents]);
  function handleChoose(item: PaletteItem) {
    onClose();
    router.push(item.href);
  }
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Dialog.Viewport className="fixed inset-0 z-50 flex items-start justify-center p-2 sm:pt-[12vh]">
          <Dialog.Popup
            aria-label="Command palette"
            className="flex max-h-[70dvh] w-full max-w-160 flex-col overflow-hidden rounded-2xl border border-line bg-raised outline-none"
            style={{ boxShadow: "var(--shadow-dialog)" }}
          >
            <Autocomplete.Root
              open
              inline
              mode="none"
              items={groups}
              itemToStringValue={(item: PaletteItem) => item.label}
              value={query}
              onValueChange={setQuery}
              autoHighlight="always"
              keepHighlight
            >
              <div className="flex items-center gap-3 border-b border-line px-4">
                <Search size={16} aria-hidden="true" className="shrink-0 text-quiet" />
                <Autocomplete.Input
                  aria-label="Go to a VM, incident, page or cord"
                  placeholder="Go to a VM, incident, page or cord"
                  spellCheck={false}
                  className="h-12 w-full bg-transparent text-lg text-strong outline-none placeholder:text-quiet"
                />
                <Dialog.Close className="rounded-md" aria-label="Close">
                  <Kbd>Esc</Kbd>
                </Dialog.Close>
              </div>
              <Autocomplete.Empty>
                <p className="px-4 py-6 empty:hidden">Nothing matches all of these words</p>
              </Autocomplete.Empty>
              <Autocomplete.List className="min-h-0 overflow-y-auto p-2 empty:hidden">
                {(group: PaletteGroup) => (
                  <Autocomplete.Group key={group.value} items={group.items} className="not-last:mb-2">
                    <Autocomplete.GroupLabel className="px-2 py-1 text-xs text-quiet">{group.value}</Autocomplete.GroupLabel>
                    <Autocomplete.Collection>
                      {(item: PaletteItem) => (
                        <Autocomplete.Item
                          key={item.value}
                          value={item}
                          onClick={() => handleChoose(item)}
                          className="flex min-h-9 cursor-pointer items-baseline gap-3 rounded-lg px-2 py-1.5 data-highlighted:bg-sunken"
                        >
                          <span className="min-w-0 flex-1 truncate font-semibold text-strong">{item.label}</span>
                          <span className="max-w-[55%] min-w-0 truncate text-sm text-body">{item.detail}</span>
                        </Autocomplete.Item>
                      )}
                    </Autocomplete.Collection>
                  </Autocomplete.Group>
                )}
              </Autocomplete.List>
            </Autocomplete.Root>
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
