import type { VmDetail } from "#lib/api/vm";
import type { LaneView } from "#lib/health/lane";
import type { EvidenceLine } from "#lib/vm/report";
import type { AsOf } from "../realtime/freshness.ts";
import { formatAgeInWords } from "../ui/format.ts";

/**
 * One reading in words. The age of a lane that is silent counts here, because the text that came with the verdict says only
 * how old it was then; everything else is as the bridge told it.
 */
export function evidenceText(line: EvidenceLine, lanes: VmDetail["lanes"], asOf: AsOf): string {
  switch (line.code) {
    case "in-band-silent":
      return counted(line.text, lanes.inBand, asOf);
    case "out-of-band-silent":
      return counted(line.text, lanes.outOfBand, asOf);
    default:
      return line.text;
  }
}

function counted(text: string, lane: LaneView, asOf: AsOf): string {
  if (lane.state !== "open" || asOf.hasOldReadings) return text;
  return text.replace(/silent for [\d.]+ s/, `silent for ${formatAgeInWords(asOf.asOfMs - lane.openSinceAtMs)}`);
}
