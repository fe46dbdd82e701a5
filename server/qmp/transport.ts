import { connect, type Socket } from "node:net";

/** Where a monitor listens. */
export type QmpAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** What a transport tells its one owner. After `onClose` nothing more is called. */
export interface TransportEvents {
  onOpen(): void;
  /** The first `length` bytes of the buffer; only lent: they are overwritten after the call returns. */
  onBytes(bytes: Buffer, length: number): void;
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

/** Unix and TCP sockets of this host. */
export const openSocket: OpenTransport = (address, events) => new SocketTransport(address, events);

const READ_BUFFER_BYTES = 64 * 1024;

// One buffer for all sockets of the process: libuv fills it and hands it over within one call, so no two reads overlap.
// Without it every reply, however short, costs a buffer of its own.
let readBuffer: Buffer | undefined;

class SocketTransport implements QmpTransport {
  readonly #events: TransportEvents;
  readonly #socket: Socket;
  #isBlocked = false;
  #isDestroyed = false;
  #error: Error | undefined;
  readonly #handleFlushed: () => void;

  constructor(address: QmpAddress, events: TransportEvents) {
    this.#events = events;
    readBuffer ??= Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    const onread = {
      buffer: readBuffer,
      callback: (length: number, buffer: Uint8Array): boolean => {
        if (!this.#isDestroyed) events.onBytes(buffer as Buffer, length);
        return true;
      },
    };
    this.#socket =
      "path" in address ? connect({ path: address.path, onread }) : connect({ host: address.host, port: address.port, onread });
    this.#handleFlushed = () => this.#flushed();
    this.#socket.once("connect", () => {
      if (this.#isDestroyed) return;
      this.#socket.setNoDelay(true);
      events.onOpen();
    });
    this.#socket.on("error", (error) => {
      this.#error ??= error;
    });
    // A peer that stopped sending has left, even if it would still read.
    this.#socket.once("end", () => this.#socket.destroy());
    this.#socket.once("close", () => {
      if (this.#isDestroyed) return;
      this.#isDestroyed = true;
      events.onClose(this.#error);
    });
  }

  write(text: string): boolean {
    this.#socket.write(text, this.#handleFlushed);
    // The kernel takes a write at once or Node keeps it; what Node keeps is still counted here.
    this.#isBlocked = this.#socket.writableLength > 0;
    return !this.#isBlocked;
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#socket.destroy();
  }

  #flushed(): void {
    if (!this.#isBlocked || this.#isDestroyed || this.#socket.writableLength > 0) return;
    this.#isBlocked = false;
    this.#events.onDrain();
  }
}
