/**
 * What /proc says of the process behind a monitor. Read through the helper process and only from files that cannot block
 * on a stuck process (`stat`, `wchan`, `syscall`, `status`, cgroup's `cgroup.events`); the command line and maps are read
 * at attach and never during trouble.
 * @see proc(5), cgroups(7)
 */
export type ProcessCondition =
  | "alive"
  /** State T or t: stopped by a signal or a debugger. */
  | "stopped"
  /** State D at two readings in a row: waits inside the kernel. */
  | "uninterruptible"
  /** Its cgroup, or one above it, is frozen. */
  | "frozen"
  /** State Z: the main thread has exited, and what is left of the process was not collected. */
  | "zombie"
  | "gone"
  | "not-permitted"
  | "unknown";

export interface ThreadReport {
  tid: number;
  role: "main" | "vcpu" | "iothread" | "other";
  /** The kernel's name of it: "qemu-system-x86", "CPU 0/TCG". */
  name: string;
  /** One letter: R S D T t Z X I. */
  state: string;
  /** Kernel function that it sleeps in; absent where it runs or may not be read. */
  waitChannel?: string;
  /** Name of the system call that it is in, for the few that tell something ("futex", "ppoll", "clock_nanosleep"). */
  syscall?: string;
}

export interface ProcessReport {
  pid: number;
  condition: ProcessCondition;
  /** For people: "stopped (state T)", "waits inside the kernel in nfs_wait_bit_killable". */
  text: string;
  /** Main thread first, then vCPUs; at most 64. Empty where they were not read. */
  threads: ThreadReport[];
  /** Children of the process that may hold it: what an `exec:` migration started. */
  children?: { pid: number; name: string }[];
  ageMs: number;
}
