/**
 * What the helper process reads of QEMU processes for `host-watch.ts`: as the kernel tells it, with nothing judged.
 * @see proc(5), ss(8), tcp(7) TCP_INFO
 */
export interface HostQuestion {
  readonly targets: readonly HostTarget[];
}

export interface HostTarget {
  readonly pid: number;
  /** Of the process that is meant: another one with this pid is `gone`. */
  readonly startTimeTicks: string | undefined;
  /** Whether its threads are read; its sockets and its state always are. */
  readonly withThreads: boolean;
  /** Threads that are known to be vCPUs (`query-cpus-fast`); others are known by their names, where QEMU names them. */
  readonly vcpuTids: readonly number[];
}

export interface HostAnswer {
  /** How long the reading took, so that what it tells can be dated. */
  readonly tookMs: number;
  readonly processes: readonly HostProcess[];
}

/** Why something could not be read. */
export type HostUnread =
  | "gone"
  | "not-permitted"
  | "time-out"
  /** iproute2 is not installed. */
  | "no-ss"
  | "ss-failed"
  /** The process lives in another network namespace, whose sockets are not told here. */
  | "other-namespace";

export interface HostProcess {
  readonly pid: number;
  /** State of the main thread; undefined where it may not be read, or is gone. */
  readonly state?: string;
  readonly unread?: "gone" | "not-permitted";
  /** The path of the frozen cgroup, the process's own or one above it. */
  readonly frozenCgroup?: string;
  readonly main?: HostThread;
  readonly threads?: readonly HostThread[];
  readonly children?: readonly { readonly pid: number; readonly name: string }[];
  readonly sockets: { readonly list: readonly HostSocket[] } | { readonly unread: HostUnread };
}

export interface HostThread {
  readonly tid: number;
  readonly role: "main" | "vcpu" | "iothread" | "other";
  readonly name: string;
  readonly state: string;
  readonly waitChannel?: string;
  readonly syscall?: string;
}

export interface HostSocket {
  readonly inode: string;
  readonly fd: number;
  readonly transport: "tcp" | "unix";
  /** The kernel's word: ESTAB, SYN-SENT, LISTEN, … */
  readonly state: string;
  /** `host:port`, or the path that it was bound to; absent where it has none. */
  readonly local?: string;
  readonly peer?: string;
  /** In its receive queue: QEMU has not read it. Of a listener: connections that wait to be accepted. */
  readonly unreadBytes: number;
  /** In its send queue. Of a unix socket the kernel counts with overhead. */
  readonly unsentBytes: number;
  readonly tcp?: TcpInfo;
  /** The other end, where it is in this network namespace too. */
  readonly far?: FarEnd;
  /** The connection is over: it was shut down or closed at one end, and its file is still open. */
  readonly isShut?: boolean;
  /** Of a unix connection: nobody has accepted it. */
  readonly isUnaccepted?: boolean;
}

export interface TcpInfo {
  readonly lastSentAgeMs: number | undefined;
  readonly lastReceivedAgeMs: number | undefined;
  readonly lastAckAgeMs: number | undefined;
  readonly bytesSent: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly unackedSegments: number;
}

export interface FarEnd {
  readonly unreadBytes: number;
  readonly process?: { readonly pid: number; readonly name: string; readonly state: string };
}
