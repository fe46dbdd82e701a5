import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { answerReadings } from "./answer-readings.ts";

/**
 * The floor of the bridge's cost, in a process of its own: `bare-probe-loop.ts FOLDER`. Connects to every monitor in the
 * folder, negotiates, sends both probes each second and parses what comes back. It keeps no clocks, judges nothing,
 * survives nothing. Ready once every session is negotiated. @see MeasuredChild
 */
const directory = process.argv[2] ?? "";
const INTERVAL_MS = 1_000;
/** Dialling all at once overruns the listeners' backlog. */
const DIALS_AT_ONCE = 100;
const NEGOTIATION = '{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"n"}\n';
const IN_BAND = '{"execute":"query-status","id":"a"}\n';
const OUT_OF_BAND = '{"exec-oob":"query-yank","id":"b"}\n';

const paths = readdirSync(directory)
  .filter((name) => name.endsWith(".sock"))
  .map((name) => join(directory, name));

let bytesRead = 0;
for (let from = 0; from < paths.length; from += DIALS_AT_ONCE) {
  await Promise.all(paths.slice(from, from + DIALS_AT_ONCE).map((path, index) => open(path, from + index)));
}
answerReadings({ bytesRead: () => bytesRead, onEnd: () => process.exit(0) });

/** Resolves when the session is negotiated; the probes go on from then. */
function open(path: string, order: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let lines = 0;
    let rest = "";
    socket.once("error", reject);
    socket.on("data", (bytes) => {
      bytesRead += bytes.length;
      const parts = (rest + bytes.toString("utf8")).split("\r\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        JSON.parse(part);
        lines++;
        if (lines === 1) socket.write(NEGOTIATION);
        if (lines !== 2) continue;
        resolve();
        // Spread over the second, as the bridge's jitter does.
        const offsetMs = (order * 7_919) % INTERVAL_MS;
        setTimeout(() => {
          setInterval(() => {
            socket.write(OUT_OF_BAND);
            socket.write(IN_BAND);
          }, INTERVAL_MS);
        }, offsetMs);
      }
    });
  });
}
