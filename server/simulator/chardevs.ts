import { createServer, type Server, type Socket } from "node:net";
import type { SimulatedChardev } from "./options.ts";
import type { VmCore } from "./vm-core.ts";

type SocketChardev = Extract<SimulatedChardev, { path: string }>;
type ChardevState = "disconnected" | "connected";

interface SocketState {
  readonly options: SocketChardev;
  state: ChardevState;
  server: Server | undefined;
  peer: Socket | undefined;
  /** Held while a vCPU spins in a write to a full socket with the big lock taken. */
  release: (() => void) | undefined;
  /** The peer at the far end does not read, so that the chardev fills up again whenever it is connected. */
  hasBadPeer: boolean;
  readonly cut: () => void;
}

/** The VM's chardevs other than its monitors, and who is connected to them. */
export class Chardevs {
  readonly all: readonly SimulatedChardev[];
  readonly #core: VmCore;
  readonly #sockets = new Map<string, SocketState>();

  constructor(core: VmCore, chardevs: readonly SimulatedChardev[]) {
    this.#core = core;
    this.all = chardevs;
    for (const chardev of chardevs) if ("path" in chardev) this.#add(chardev);
  }

  /** Opens the sockets of those that really listen. */
  async open(): Promise<void> {
    for (const socket of this.#sockets.values()) {
      if (socket.options.kind === "socket-server" && socket.options.listens) await this.#listen(socket, socket.options.path);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.values()) {
      socket.peer?.destroy();
      const server = socket.server;
      socket.server = undefined;
      if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }

  isConnected(id: string): boolean {
    return this.#sockets.get(id)?.state === "connected";
  }

  /** `query-chardev`'s filename. The remote path of a unix client is known from 10.0 on. */
  filename(chardev: SimulatedChardev): string {
    switch (chardev.kind) {
      case "socket-server":
        return `${this.isConnected(chardev.id) ? "" : "disconnected:"}unix:${chardev.path},server=on`;
      case "socket-client":
        if (!this.isConnected(chardev.id)) return `disconnected:unix:${chardev.path}`;
        return this.#core.traits.hasNewMigration ? `unix:${chardev.path}` : "unix:";
      case "pty":
        return "pty:/dev/pts/0";
      default:
        return chardev.kind;
    }
  }

  /** Recipe 2: a peer connects and never reads, and the guest's next write spins with the big lock held. */
  fill(id: string): void {
    const socket = this.#socket(id);
    socket.hasBadPeer = true;
    if (socket.state === "disconnected") this.#connect(socket);
    else this.#hang(socket);
  }

  /** The far side reads again, or a better one took its place. */
  drain(id: string): void {
    const socket = this.#socket(id);
    socket.hasBadPeer = false;
    socket.release?.();
    socket.release = undefined;
  }

  #add(options: SocketChardev): void {
    const socket: SocketState = {
      options,
      state: "disconnected",
      server: undefined,
      peer: undefined,
      release: undefined,
      hasBadPeer: false,
      cut: () => this.#disconnect(socket),
    };
    this.#sockets.set(options.id, socket);
    this.#core.yanks.register({ type: "chardev", id: options.id });
    if (options.kind === "socket-client" || options.isConnected) this.#connect(socket);
  }

  #connect(socket: SocketState): void {
    socket.state = "connected";
    this.#core.yanks.addFunction({ type: "chardev", id: socket.options.id }, socket.cut);
    if (socket.hasBadPeer) this.#hang(socket);
  }

  #hang(socket: SocketState): void {
    socket.release ??= this.#core.mainLoop.block();
  }

  /** Cut, or left by its peer: a server listens again, a client comes back if it was told to. */
  #disconnect(socket: SocketState): void {
    if (socket.state === "disconnected") return;
    socket.state = "disconnected";
    this.#core.yanks.removeFunction({ type: "chardev", id: socket.options.id }, socket.cut);
    socket.peer?.destroy();
    socket.peer = undefined;
    socket.release?.();
    socket.release = undefined;
    if (socket.options.kind === "socket-server") {
      // Whoever connects next may well read.
      socket.hasBadPeer = false;
    } else if (socket.options.reconnectMs !== undefined) {
      this.#core.schedule(socket.options.reconnectMs, () => {
        if (socket.state === "disconnected") this.#connect(socket);
      });
    }
  }

  async #listen(socket: SocketState, path: string): Promise<void> {
    const server = createServer((peer) => this.#accept(socket, peer));
    socket.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  }

  #accept(socket: SocketState, peer: Socket): void {
    peer.on("error", () => peer.destroy());
    if (socket.peer) {
      // One peer at a time, like a monitor; the next one would wait in the backlog, which nothing here needs.
      peer.destroy();
      return;
    }
    socket.peer = peer;
    peer.on("close", () => {
      if (socket.peer === peer) this.#disconnect(socket);
    });
    peer.resume();
    if (socket.state === "disconnected") this.#connect(socket);
  }

  #socket(id: string): SocketState {
    const socket = this.#sockets.get(id);
    if (!socket) throw new Error(`No socket chardev ${id} in this simulated VM`);
    return socket;
  }
}
