import { describe, expect, test } from "vitest";
import { plainAddress, SsTcpTable, SsUnixTable } from "./ss-output.ts";

/** Recorded from iproute2 6.1 on Linux 6.18. A QEMU 7.2 whose NBD server was stopped 3.7 s before, and that server's end. */
const STALLED = [
  "ESTAB     0      0      127.0.0.1:56510 127.0.0.1:40401 ino:42989 sk:102f cgroup:/ <-> ts sack bbr wscale:10,10 rto:208 rtt:5.976/11.316 ato:40 mss:32768 pmtu:65535 rcvmss:540 advmss:65483 cwnd:18 bytes_sent:513 bytes_acked:514 bytes_received:7743 segs_out:40 segs_in:25 data_segs_out:21 data_segs_in:20 bbr:(bw:19418062496bps,mrtt:0.022) send 789590361bps lastsnd:3692 lastrcv:3748 lastack:3648 pacing_rate 340250598768bps delivered:22 app_limited busy:60ms rcv_space:51200 minrtt:0.022 snd_wnd:65536",
  "ESTAB     28     0      127.0.0.1:40401 127.0.0.1:56510 ino:42990 sk:1030 cgroup:/ <-> ts sack bbr wscale:10,10 rto:204 bytes_sent:7743 bytes_acked:7743 bytes_received:513 lastsnd:3748 lastrcv:3692 lastack:3748",
];
const OTHERS = [
  "TIME-WAIT 0      0      127.0.0.1:39329 127.0.0.1:37578 timer:(timewait,11sec,0) ino:0 sk:2   ",
  "LISTEN    0      511                 *:35547                  *:*     ino:186307 sk:101 cgroup:/ v6only:0 <-> bbr cwnd:10",
  "LISTEN    0      511                 [::1]:35923               [::]:*     ino:186170 sk:102 cgroup:/ v6only:1 <-> bbr cwnd:10",
  "ESTAB     0      0      [::ffff:127.0.0.1]:35547 [::ffff:127.0.0.1]:54268 ino:186309 sk:104 cgroup:/ <-> ts sack bbr segs_in:2 lastsnd:1224 lastrcv:1224 lastack:1224 minrtt:0.062",
  "ESTAB     0      0               127.0.0.1:54268          127.0.0.1:35547 ino:186308 sk:cd cgroup:/ <-> ts sack bbr bytes_acked:1 segs_out:2 lastsnd:1224 lastrcv:1224 lastack:1224",
  "ESTAB     0      0                   [::1]:53008              [::1]:35923 ino:186222 sk:105 cgroup:/ <-> ts sack bbr bytes_sent:5 bytes_acked:6 bytes_received:5 lastsnd:2288 lastrcv:1224 lastack:1224",
  "SYN-SENT  0      1                 10.0.0.4:41222           192.0.2.1:81    timer:(on,1.2sec,1) ino:186400 sk:9 cgroup:/ <-> bbr cwnd:1 unacked:1 lastsnd:812",
];

describe("TCP", () => {
  const table = new SsTcpTable([...STALLED, ...OTHERS, ""].join("\n"));

  test("tells when something was sent, received and acknowledged last", () => {
    expect(table.get("42989")).toEqual({
      state: "ESTAB",
      receiveQueue: 0,
      sendQueue: 0,
      local: "127.0.0.1:56510",
      peer: "127.0.0.1:40401",
      info: {
        lastSentAgeMs: 3692,
        lastReceivedAgeMs: 3748,
        lastAckAgeMs: 3648,
        bytesSent: 513,
        bytesAcked: 514,
        bytesReceived: 7743,
        unackedSegments: 0,
      },
    });
  });

  test("finds the other end of a connection within this host", () => {
    const far = table.otherEnd("127.0.0.1:56510", "127.0.0.1:40401");
    expect(table.get(far ?? "")?.receiveQueue).toBe(28);
    expect(table.otherEnd("10.0.0.4:41222", "192.0.2.1:81")).toBeUndefined();
  });

  test("takes an IPv4 address in IPv6 dress for what it is", () => {
    expect(table.get("186309")).toMatchObject({ local: "127.0.0.1:35547", peer: "127.0.0.1:54268" });
    expect(table.otherEnd("127.0.0.1:54268", "127.0.0.1:35547")).toBe("186309");
    expect(plainAddress("[fe80::1%eth0]:80")).toBe("[fe80::1]:80");
  });

  test("claims no age where nothing was sent or received yet", () => {
    expect(table.get("186308")?.info).toMatchObject({ lastSentAgeMs: undefined, lastReceivedAgeMs: undefined, bytesReceived: 0 });
    expect(table.get("186222")?.info).toMatchObject({ lastSentAgeMs: 2288, lastReceivedAgeMs: 1224 });
  });

  test("knows listeners, those that still dial, and nothing that has no owner", () => {
    expect(table.get("186170")).toMatchObject({ state: "LISTEN", local: "[::1]:35923", peer: undefined });
    expect(table.get("186400")).toMatchObject({ state: "SYN-SENT", peer: "192.0.2.1:81" });
    expect(table.get("0")).toBeUndefined();
  });
});

describe("unix", () => {
  /** QEMU 7.2 and 11.1 with a stopped qemu-nbd, a console that nobody reads, and a path made to confuse. */
  const table = new SsUnixTable(
    [
      "u_str ESTAB  0      768                                        * 40650 * 38708 <->                               ",
      "u_str ESTAB  28     0                     /tmp/px/l.Pbjw/nbd.sock 38708 * 40650 <-> ino:2147397 dev:0/65024       ",
      "u_str LISTEN 0      1      /tmp/px/l.yoMb/console-hang-console/console.sock 42516 * 0     <-> ino:2146313 dev:0/65024 peers:",
      "u_str ESTAB  0      213504 /tmp/px/l.yoMb/console-hang-console/console.sock 42583 * 42582 <-> ino:2146313 dev:0/65024       ",
      "u_str ESTAB  0      0                               /tmp/px/a b 12 * 34 <-> .sock 186313 * 186312 <-> ino:1 dev:0/1       ",
      "u_str ESTAB  0      67840                      * 36981 * 0 ---                               ",
      "u_str ESTAB  0      0                          * 36999 * 0 <->                               ",
    ].join("\n"),
  );

  test("tells queues and the other end", () => {
    expect(table.get("40650")).toMatchObject({ state: "ESTAB", sendQueue: 768, local: undefined, peerInode: "38708", isShut: false });
    expect(table.get("38708")).toMatchObject({ receiveQueue: 28, local: "/tmp/px/l.Pbjw/nbd.sock" });
    expect(table.get("42583")).toMatchObject({ local: "/tmp/px/l.yoMb/console-hang-console/console.sock", sendQueue: 213504 });
    expect(table.get("42516")).toMatchObject({ state: "LISTEN", peerInode: "0" });
  });

  test("is not confused by a path that looks like a row", () => {
    expect(table.get("186313")).toMatchObject({ local: "/tmp/px/a b 12 * 34 <-> .sock", peerInode: "186312" });
  });

  test("tells a connection that is over from one that nobody has accepted", () => {
    expect(table.get("36981")).toMatchObject({ peerInode: "0", isShut: true });
    expect(table.get("36999")).toMatchObject({ peerInode: "0", isShut: false });
  });
});

test("takes thousands of rows", () => {
  const rows = Array.from({ length: 20_000 }, (_, at) => `u_str ESTAB 0 0 * ${100_000 + at} * ${200_000 + at} <->  `);
  expect(new SsUnixTable(rows.join("\n")).get("119999")?.peerInode).toBe("219999");
});
