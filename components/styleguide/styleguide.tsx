"use client";
import { useRef, useState } from "react";
import { Screen } from "../shell/screen.tsx";
import { AlertDialog, AlertDialogActions, AlertDialogBody } from "../ui/alert-dialog.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { CodeBlock } from "../ui/code-block.tsx";
import { CommandSteps } from "../ui/command-steps.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { CheckField, TextArea, TextField } from "../ui/field.tsx";
import { Kbd } from "../ui/kbd.tsx";
import { Logo } from "../ui/logo.tsx";
import { ProgressBar } from "../ui/progress-bar.tsx";
import { TextLink } from "../ui/text-link.tsx";
import { Rows } from "./rows.tsx";
import { Colours, Marks, Type, Verdicts } from "./tokens.tsx";

/** All parts of the screen in all their states, made of the real components. The theme is switched as everywhere. */
export function Styleguide() {
  return (
    <Screen heading={<h1 className="text-lg font-semibold text-strong">Styleguide</h1>}>
      <div className="grid gap-4 xl:grid-cols-2">
        <Card title="Colour">
          <Colours />
        </Card>
        <Card title="Type, spacing, radius">
          <Type />
        </Card>
        <Card title="Verdicts: shape, word and colour">
          <Verdicts />
        </Card>
        <Card title="Suspicion, outcome, state of an incident">
          <Marks />
        </Card>
        <div className="min-w-0 xl:col-span-2">
          <Card title="Rows and banners" isFlush>
            <Rows />
          </Card>
        </div>
        <Card title="Buttons">
          <Buttons />
        </Card>
        <Card title="Fields">
          <Fields />
        </Card>
        <Card title="Small things" aside="beside the title">
          <SmallThings />
        </Card>
        <Card title="Dialog">
          <Dialog />
        </Card>
      </div>
    </Screen>
  );
}

function Buttons() {
  return (
    <div className="grid gap-3">
      {(["plain", "primary", "danger", "ghost"] as const).map((tone) => (
        <div key={tone} className="flex flex-wrap items-center gap-3">
          <span className="w-16">{tone}</span>
          <Button tone={tone}>Yank nbd0…</Button>
          <Button tone={tone} size="small">
            Small
          </Button>
          <Button tone={tone} disabled>
            Disabled
          </Button>
        </div>
      ))}
    </div>
  );
}

function Fields() {
  const [text, setText] = useState("db-prod-0");
  const [isTicked, setIsTicked] = useState(false);
  return (
    <div className="grid gap-4">
      <TextField label="Type db-prod-07 to arm" hint="The name of the VM, as it stands above" value={text} onChange={setText} isMono />
      <TextField label="Disabled" value="cannot be changed" onChange={setText} disabled />
      <TextArea label="Reason, for the record" value={text} onChange={setText} />
      <CheckField label="The guest loses its disk until it is restarted, and I mean it" isChecked={isTicked} onChange={setIsTicked} />
    </div>
  );
}

function SmallThings() {
  return (
    <div className="grid gap-4">
      <p className="flex flex-wrap items-center gap-3">
        <Logo /> <Badge>kvm-03</Badge> <Badge tone="attention">Simulated fleet</Badge> <Kbd>/</Kbd> <Kbd>Ctrl</Kbd>
        <CopyButton text="copied" label="Copy an example" /> <TextLink href="/styleguide">a link within text</TextLink>
      </p>
      <div className="grid gap-2">
        <ProgressBar fraction={0.61} label="Migration at 61 %" />
        <ProgressBar fraction={0.61} label="A stalled migration at 61 %" className="bg-migration" />
        <ProgressBar fraction={undefined} label="Nobody can tell" />
      </div>
      <p className="fact-changed w-fit rounded px-1 text-hung">A fact that has just changed</p>
      <p className="is-stale w-fit text-hung">Was: main loop hung (stale)</p>
      <CodeBlock text={'{"exec-oob": "yank", "arguments": {"instances": []}}'} copyLabel="Copy the command" />
      <CommandSteps label="Steps" steps={[{ text: "continue the process", commands: ["kill -CONT 4711"] }, { text: "look again" }]} />
    </div>
  );
}

function Dialog() {
  const [isOpen, setIsOpen] = useState(false);
  const cancelRef = useRef<HTMLButtonElement>(null);
  const handleClose = () => setIsOpen(false);
  return (
    <>
      <Button onClick={() => setIsOpen(true)}>Open the dialog</Button>
      {isOpen && (
        <AlertDialog title="Yank nbd0 on db-prod-07?" aside={<Badge>plan holds 0:52</Badge>} onClose={handleClose} initialFocus={cancelRef}>
          <AlertDialogBody>
            <p className="text-strong">
              The connection is cut, and its disk answers every request with an error until the VM is restarted.
            </p>
          </AlertDialogBody>
          <AlertDialogActions>
            <Button ref={cancelRef} onClick={handleClose}>
              Cancel
            </Button>
            <Button tone="danger" onClick={handleClose}>
              Yank nbd0
            </Button>
          </AlertDialogActions>
        </AlertDialog>
      )}
    </>
  );
}
