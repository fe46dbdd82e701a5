import { describe, expect, it } from "vitest";
import { hasOtherPeer, parseUnixSockets } from "./unix-sockets.ts";

const HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n";
// As Linux 6.18 shows a QEMU 7.2 monitor, its client, and two more that wait in the backlog.
const LISTENER = "00000000307c415a: 00000002 00000000 00010000 0001 01 42135 /run/vm/hmp.sock\n";
const SERVED = "0000000006512b1b: 00000003 00000000 00000000 0001 03 22252 /run/vm/hmp.sock\n";
const WAITING = "000000003efa6673: 00000003 00000000 00000000 0001 02     0 /run/vm/hmp.sock\n";
const busy = (...rows: string[]) => hasOtherPeer(parseUnixSockets(HEAD + rows.join("")).get("/run/vm/hmp.sock"));

describe("/proc/net/unix", () => {
  it("tells the listener from its connections, and the accepted ones from those that wait", () => {
    expect(parseUnixSockets(HEAD + LISTENER + SERVED + WAITING).get("/run/vm/hmp.sock")).toEqual([
      { inode: "42135", path: "/run/vm/hmp.sock", isListening: true, isAccepted: false, isWaiting: false },
      { inode: "22252", path: "/run/vm/hmp.sock", isListening: false, isAccepted: true, isWaiting: false },
      { inode: "0", path: "/run/vm/hmp.sock", isListening: false, isAccepted: false, isWaiting: true },
    ]);
  });

  it("says that a monitor is busy only where somebody else is served", () => {
    expect(busy(LISTENER, SERVED, WAITING)).toBe(true);
    expect(busy(LISTENER, SERVED, WAITING, WAITING)).toBe(true);
    // Ours alone, accepted or, by a frozen process, not accepted.
    expect(busy(LISTENER, SERVED)).toBe(false);
    expect(busy(LISTENER, WAITING)).toBe(false);
    expect(busy(LISTENER, WAITING, WAITING)).toBe(false);
    expect(busy(LISTENER, SERVED, SERVED)).toBe(true);
    expect(busy(SERVED)).toBeUndefined();
    // The path was bound again while its old listener still holds a connection that nobody has at the other end.
    expect(busy(LISTENER, LISTENER.replace("42135", "42999"), SERVED, WAITING)).toBeUndefined();
  });

  it("keeps blanks in a path and skips rows that are none", () => {
    const table = `${HEAD}${LISTENER.replace("/run/vm/hmp.sock", "/run/my vm.sock")}half a row\n00: 01\n`;
    expect([...parseUnixSockets(table).keys()]).toEqual(["/run/my vm.sock"]);
  });
});
