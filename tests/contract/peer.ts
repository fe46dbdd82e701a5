/**
 * A QEMU, real or simulated, that the contract suite can start, hang and ask. The suite knows peers only by this
 * shape, so that the simulator is held to what every real QEMU present does.
 */
export interface ContractPeer {
  /** As it stands in test titles: "simulator", "qemu 7.2.22 (system)". */
  readonly name: string;
  /** The first number of its version. */
  readonly major: number;
  start(options?: ContractVmOptions): Promise<ContractVm>;
}

export interface ContractVmOptions {
  /** `pretty=on` on the first monitor: objects spread over lines. */
  pretty?: boolean;
  /** An NBD node `nbd0` under `fmt0` (raw) with a virtio-blk device `vda`; default true. */
  nbd?: boolean;
  /** A socket chardev `ser0` (server, wait off) owned by a serial device; default true. */
  serial?: boolean;
  /** Also listen on a loopback TCP monitor. */
  tcp?: boolean;
  /** The guest reads `vda` for ever, some eighteen times a second; default false. */
  reads?: boolean;
  /** `nbd0` waits so many seconds for a lost server to come back (`reconnect-delay`); default 0, not at all. */
  reconnectDelayS?: number;
}

export interface ContractVm {
  /** The unix monitor under test; its chardev is `mon0`. */
  readonly monitorPath: string;
  /** A second monitor of the same VM; its chardev is `mon1`. */
  readonly secondMonitorPath: string;
  readonly tcpMonitor?: { host: string; port: number };
  /** Path of the `ser0` chardev's listening socket. */
  readonly serialPath: string;
  /**
   * Blocks the main loop in something that no yank can end (a FIFO that nobody opens for writing, H10 of the facts
   * sheet). Resolves once in-band is blocked; the returned function unblocks it.
   */
  blockMainLoop(): Promise<() => Promise<void>>;
  /** Freezes the far side of `nbd0` and starts a request on it: recipe 1 up to, not including, `stop`. */
  freezeNbdServer(): Promise<void>;
  /** Freezes it alone: the guest's own reads are what stalls, with `reads`. */
  stallIo(): Promise<void>;
  thawNbdServer(): Promise<void>;
  /** The server is gone, and a request that was sent afterwards waits for it, with `reconnectDelayS`. */
  loseNbdServer(): Promise<void>;
  restoreNbdServer(): Promise<void>;
  /** A mirror `mir0` of `fmt0` to a second NBD node `tgt` becomes ready, and then its server stops answering a write. */
  startStuckMirror(): Promise<void>;
  /** An outgoing migration to a peer of its own goes into postcopy, slowly. */
  startPostcopy(): Promise<void>;
  /** SIGSTOP and SIGCONT of the VM's process, or the simulator's equal. */
  freezeProcess(): Promise<void>;
  thawProcess(): Promise<void>;
  /** Ends every process and socket of this VM; safe to call twice. */
  close(): Promise<void>;
}
