"use client";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { COLUMN_IDS, COLUMN_TITLE, DEFAULT_COLUMNS, FIXED_COLUMNS } from "./column-ids.ts";
import { DropDown } from "./drop-down.tsx";
import { viewFromUrl, viewToUrl, withColumn } from "./fleet-url.ts";
import type { FleetView } from "./fleet-url.ts";
import { readViews, withView, writeViews } from "./saved-views.ts";

interface ViewMenuProps {
  view: FleetView;
  onView: (view: FleetView) => void;
}

/** How the table looks, and what of it this browser keeps. */
export function ViewMenu({ view, onView }: ViewMenuProps) {
  return (
    <DropDown label="View" isActive={view.columns.join() !== DEFAULT_COLUMNS.join() || view.density === "dense"}>
      {() => (
        <div className="grid gap-4">
          <Columns view={view} onView={onView} />
          <Density view={view} onView={onView} />
          <SavedViews view={view} onView={onView} />
        </div>
      )}
    </DropDown>
  );
}

function Columns({ view, onView }: ViewMenuProps) {
  return (
    <fieldset>
      <legend className="mb-1 font-semibold text-strong">Columns</legend>
      {COLUMN_IDS.filter((id) => !FIXED_COLUMNS.includes(id)).map((id) => (
        <label key={id} className="flex min-h-7 items-center gap-2 rounded px-1 text-strong hover:bg-sunken">
          <input
            type="checkbox"
            checked={view.columns.includes(id)}
            onChange={(event) => onView(withColumn(view, id, event.target.checked))}
            className="size-4 accent-(--hue-info)"
          />
          {COLUMN_TITLE[id]}
        </label>
      ))}
    </fieldset>
  );
}

function Density({ view, onView }: ViewMenuProps) {
  return (
    <fieldset>
      <legend className="mb-1 font-semibold text-strong">Rows</legend>
      {(["comfortable", "dense"] as const).map((density) => (
        <label key={density} className="flex min-h-7 items-center gap-2 rounded px-1 text-strong hover:bg-sunken">
          <input
            type="radio"
            name="fleet-density"
            checked={view.density === density}
            onChange={() => onView({ ...view, density })}
            className="size-4 accent-(--hue-info)"
          />
          {density === "dense" ? "Dense" : "Comfortable"}
        </label>
      ))}
    </fieldset>
  );
}

function SavedViews({ view, onView }: ViewMenuProps) {
  const [views, setViews] = useState(readViews);
  const [name, setName] = useState("");
  const [isRefused, setIsRefused] = useState(false);
  function keep(next: typeof views) {
    setViews(next);
    setIsRefused(!writeViews(next));
  }
  return (
    <section aria-label="Saved views">
      <p className="mb-1 font-semibold text-strong">Saved in this browser</p>
      <ul>
        {views.map((saved) => (
          <li key={saved.name} className="flex items-center gap-1">
            <button
              type="button"
              onClick={() => onView(viewFromUrl(new URL(saved.url, location.origin).searchParams))}
              className="min-h-7 min-w-0 flex-1 truncate rounded px-1 text-left text-strong hover:bg-sunken"
            >
              {saved.name}
            </button>
            <button
              type="button"
              aria-label={`Forget ${saved.name}`}
              onClick={() => keep(views.filter((other) => other.name !== saved.name))}
              className="flex size-7 items-center justify-center rounded text-body hover:bg-sunken hover:text-strong"
            >
              <Trash2 size={14} aria-hidden="true" />
            </button>
          </li>
        ))}
      </ul>
      <form
        className="mt-1 flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          keep(withView(views, { name, url: viewToUrl(view) }));
          setName("");
        }}
      >
        <input
          value={name}
          onChange={(event) => setName(event.target.value)}
          aria-label="Name for this view"
          placeholder="Name for this view"
          maxLength={60}
          className="h-8 w-full min-w-0 rounded-lg border border-line-strong bg-base px-2 text-strong placeholder:text-quiet"
        />
        <Button
          size="small"
          disabled={name.trim() === ""}
          onClick={() => {
            keep(withView(views, { name, url: viewToUrl(view) }));
            setName("");
          }}
        >
          Save
        </Button>
      </form>
      {isRefused && <p role="alert">This browser does not keep it. The link in the address bar shows the same</p>}
    </section>
  );
}
