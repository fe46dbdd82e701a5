import { LabProcess } from "../lab-process.ts";
import { ProcessLedger } from "../process-ledger.ts";

/** `node leave-process-behind.ts DIR`: a lab that starts a process, prints its pid, and waits to be killed. */
const ledger = await ProcessLedger.open(process.argv[2] ?? "");
const left = await LabProcess.start(ledger, { what: "what is left", command: "sleep", args: ["600"] });
await left.freeze();
console.log(left.pid);
setInterval(() => {}, 60_000);
