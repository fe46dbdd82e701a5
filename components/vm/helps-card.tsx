import type { Help } from "#lib/diagnosis/help";
import { Card } from "../ui/card.tsx";
import { CommandSteps } from "../ui/command-steps.tsx";

/** What helps, the first to try first. Ripcord runs none of the commands: they are to be read, changed and run by a person. */
export function HelpsCard({ helps, isOld }: { helps: readonly Help[]; isOld: boolean }) {
  return (
    <Card
      title="What helps"
      aside={isOld ? "as it was when last heard" : helps.some((help) => help.commands) ? "commands to read and run by hand" : undefined}
    >
      <CommandSteps label="What helps, the first to try first" steps={helps} />
    </Card>
  );
}
