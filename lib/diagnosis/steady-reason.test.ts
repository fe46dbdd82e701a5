import { describe, expect, test } from "vitest";
import { steadyReason } from "./steady-reason.ts";

describe("a reason in a row", () => {
  test.each([
    [
      "28 bytes wait at qemu-nbd (pid 53), which has read nothing for at least 38 s",
      "28 bytes wait at qemu-nbd (pid 53), which has read nothing for at least 30 s",
    ],
    [
      "sent something 192 s ago, and nothing has come back since (last byte received 193 s ago)",
      "sent something over 1 min ago, and nothing has come back since (last byte received over 1 min ago)",
    ],
    ["1 request of vda outstanding, none completed for 7201 s", "1 request of vda outstanding, none completed for at least 1 h"],
    ["bytes have stood still for 340 ms", "bytes have stood still for a moment"],
    ["its byte counter stands still", "its byte counter stands still"],
    ["reconnect-delay of 3600 s: requests wait with it", "reconnect-delay of 3600 s: requests wait with it"],
  ])("says of %j what stays true: %j", (exact, steady) => {
    expect(steadyReason(exact)).toBe(steady);
  });

  test("does not change for an age alone, within a step", () => {
    const at = (seconds: number) => steadyReason(`STOP came ${seconds} s ago, and in-band is silent since`);
    expect(at(62)).toBe(at(299));
    expect(at(62)).not.toBe(at(301));
  });
});
