import { useState } from "react";
import type { IncidentDetail } from "#lib/api/incident";
import { useAddNote } from "../queries/incidents.ts";
import { Age } from "../ui/age.tsx";
import { Button } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { TextArea } from "../ui/field.tsx";
import { formatUtc } from "../ui/format.ts";

/** What people say of it: who, when, and what. A note is never changed. */
export function NotesCard({ incident, cannotSend }: { incident: IncidentDetail; cannotSend: string | undefined }) {
  const [text, setText] = useState("");
  const add = useAddNote(incident.incidentId);
  const isEmpty = text.trim() === "";
  function handleAdd() {
    add.mutate({ text: text.trim() }, { onSuccess: () => setText("") });
  }
  return (
    <Card title="Notes">
      {incident.notes.length > 0 && (
        <ol aria-label="Notes, newest first" className="mb-4 grid gap-3">
          {incident.notes.toReversed().map((note) => (
            <li key={note.noteId}>
              <p className="wrap-anywhere whitespace-pre-wrap text-strong">{note.text}</p>
              <p className="text-xs text-quiet" title={formatUtc(note.atMs)}>
                {note.who} · {formatUtc(note.atMs)} · <Age atMs={note.atMs} />
              </p>
            </li>
          ))}
        </ol>
      )}
      <TextArea label="What is known, who is on it, what was tried" value={text} onChange={setText} maxLength={4_000} />
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button disabled={isEmpty || cannotSend !== undefined || add.isPending} aria-busy={add.isPending} onClick={handleAdd}>
          Add note
        </Button>
        <p role="alert" className="text-sm">
          {cannotSend ?? add.error?.message}
        </p>
      </div>
    </Card>
  );
}
