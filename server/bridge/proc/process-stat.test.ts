import { expect, it } from "vitest";
import { parseProcessStat } from "./process-stat.ts";

const fields = "S 1 2 3 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 4 0 991122 200 300 18446744073709551615";

it("reads state and start time behind a name that looks like the fields", () => {
  expect(parseProcessStat(`123 (qemu) R 1 (x) ${fields}\n`)).toEqual({ state: "S", startTimeTicks: "991122" });
});

it("takes anything else for no answer", () => {
  expect([parseProcessStat(""), parseProcessStat("1 (x"), parseProcessStat("1 (x) S 1")]).toEqual([undefined, undefined, undefined]);
});
