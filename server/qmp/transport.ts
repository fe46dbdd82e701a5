/** Where a monitor listens. */
export type QmpAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** What a transport tells its one owner. After `onClose` nothing more is called. */
export interface TransportEvents {
  onOpen(): void;
  /** The bytes are only lent: they are overwritten after the call returns. */
  onBytes(bytes: Buffer): void;
  /** Everything written so far is with the kernel again, after a `write` that returned false. */
  onDrain(): void;
  /** `error` is absent when the peer hung up in good order. */
  onClose(error: Error | undefined): void;
}

/** Bytes in, bytes out, closed. It never stops reading: an unread monitor is a memory leak in the hypervisor. */
export interface QmpTransport {
  /** True: all of it is with the kernel. False: some of it waits in this process, and `onDrain` will follow. */
  write(text: string): boolean;
  /** Ends it at once, without `onClose`. Safe to call twice. */
  destroy(): void;
}

/** Starts connecting. Must not call any of `events` before it has returned. */
export type OpenTransport = (address: QmpAddress, events: TransportEvents) => QmpTransport;
