import { describe, expect, it } from "vitest";
import { decodeAddress, findTcpListener } from "./tcp-sockets.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (address: string, port: string, state: string, inode: number) =>
  `   0: ${address}:${port} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

describe("/proc/net/tcp", () => {
  it("finds the listener at an address, and the wildcard where none is", () => {
    const table = HEAD + row("0100007F", "115C", "0A", 7) + row("00000000", "115D", "0A", 8) + row("0100007F", "115E", "01", 9);
    expect(findTcpListener([table], "127.0.0.1", 4444)).toBe("7");
    expect(findTcpListener([table], "localhost", 4445)).toBe("8");
    expect(findTcpListener([table], "127.0.0.1", 4446)).toBeUndefined();
    expect(findTcpListener([table], "10.1.2.3", 4445)).toBeUndefined();
  });

  it("reads IPv6 and mapped addresses", () => {
    expect(decodeAddress("00000000000000000000000001000000")).toBe("::1");
    expect(decodeAddress("00000000000000000000000000000000")).toBe("::");
    expect(decodeAddress("0000000000000000FFFF00000100007F")).toBe("::ffff:127.0.0.1");
    expect(findTcpListener([HEAD + row("00000000000000000000000001000000", "115C", "0A", 5)], "::1", 4444)).toBe("5");
  });
});
