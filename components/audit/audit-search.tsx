import { useState } from "react";
import type { FormEvent } from "react";
import type { VmSummary } from "#lib/api/vm";
import { Button, buttonClass } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { NO_FILTER } from "./audit-filter.ts";
import type { AuditFilter } from "./audit-filter.ts";
import { EVENT_TYPES } from "./audit-words.ts";

const SELECT_CLASS = "min-h-9 w-full rounded-lg border border-line-strong bg-base px-3 text-base text-strong";

interface AuditSearchProps {
  filter: AuditFilter;
  vms: readonly VmSummary[];
  onSearch: (filter: AuditFilter) => void;
}

/** Words, person, kind, VM and time; looked for when asked to, not at every key: each search reads the record. */
export function AuditSearch({ filter, vms, onSearch }: AuditSearchProps) {
  const [draft, setDraft] = useState(filter);
  const set = (key: keyof AuditFilter) => (value: string) => setDraft({ ...draft, [key]: value });
  function handleSubmit(event: FormEvent) {
    event.preventDefault();
    onSearch(draft);
  }
  function handleClear() {
    setDraft(NO_FILTER);
    onSearch(NO_FILTER);
  }
  const isKnownVm = draft.vmId === "" || vms.some(({ vmId }) => vmId === draft.vmId);
  return (
    <form
      role="search"
      onSubmit={handleSubmit}
      className="mb-4 grid grid-cols-1 items-end gap-3 sm:grid-cols-2 lg:grid-cols-3 xl:grid-cols-6"
    >
      <TextField label="Words" value={draft.q} onChange={set("q")} maxLength={200} />
      <TextField label="Who or from where" value={draft.who} onChange={set("who")} maxLength={200} />
      <label className="block text-sm">
        <span className="mb-1 block">Kind</span>
        <select value={draft.type} onChange={(event) => set("type")(event.target.value)} className={SELECT_CLASS}>
          <option value="">All</option>
          {EVENT_TYPES.map((type) => (
            <option key={type} value={type}>
              {type.replaceAll("-", " ")}
            </option>
          ))}
        </select>
      </label>
      <label className="block text-sm">
        <span className="mb-1 block">VM</span>
        <select value={draft.vmId} onChange={(event) => set("vmId")(event.target.value)} className={SELECT_CLASS}>
          <option value="">All</option>
          {!isKnownVm && <option value={draft.vmId}>{draft.vmId}</option>}
          {vms.map(({ vmId, name }) => (
            <option key={vmId} value={vmId}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <TextField label="Since, UTC" type="datetime-local" value={draft.since} onChange={set("since")} />
      <TextField label="Until, UTC" type="datetime-local" value={draft.until} onChange={set("until")} />
      <div className="flex gap-2 sm:col-span-2 lg:col-span-3 xl:col-span-6">
        <button type="submit" className={buttonClass("primary")}>
          Search the record
        </button>
        <Button onClick={handleClear}>Show all</Button>
      </div>
    </form>
  );
}
