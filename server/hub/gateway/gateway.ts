import type { DefaultEventsMap, Server, Socket } from "socket.io";
import { z } from "zod";
import { vmIdSchema } from "#lib/api/requests";
import type { VmEvent } from "#lib/api/vm";
import type { IncidentSummary } from "#lib/incident/incident";
import { TICK_INTERVAL_MS } from "#lib/realtime/events";
import type { ClientToServerEvents, ServerToClientEvents, Tick } from "#lib/realtime/events";
import type { VmId } from "#lib/vm/report";
import type { ActRecord } from "#lib/yank/act";
import type { Log } from "#server/log";
import type { Access } from "../auth/access.ts";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { LogLimit } from "../log-limit.ts";
import { Coalescer } from "./coalescer.ts";
import { isBehind } from "./outbox.ts";

const DELTA_INTERVAL_MS = 100;
const MAX_WATCHED_PER_CLIENT = 16;
/** More rows than this travel as a snapshot, which is compressed and made once for all. */
const MAX_DELTA_ROWS = 500;
const FLEET_ROOM = "fleet";

interface ClientData {
  /** Missed a message because it did not keep up: it is told so, once, when it drains. */
  isOutdated: boolean;
  /** Let in by the session's cookie. */
  isBySession: boolean;
  watched: Set<VmId>;
}
type BrowserSocket = Socket<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, ClientData>;
export type BrowserServer = Server<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, ClientData>;

export interface GatewayOptions {
  io: BrowserServer;
  fleet: Fleet;
  access: Access;
  clock: Clock;
  log: Log;
  /** Which build of the web app is served beside it. */
  build?: string;
  /** The union of what anybody watches has changed. */
  onWatched(vmIds: VmId[]): void;
}

const resumeSchema = z.object({ epoch: z.string().max(64), revision: z.number().int().min(0) });
const watchSchema = z.object({ vmId: vmIdSchema });

/**
 * The browsers' end: facts down, watch requests up, nothing that acts. Everybody in step gets the same delta, encoded once;
 * whoever falls behind gets nothing until it has drained, and then the word to fetch the latest state.
 */
export class Gateway {
  readonly #io: BrowserServer;
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #build: string | undefined;
  readonly #onWatched: (vmIds: VmId[]) => void;
  readonly #deltas: Coalescer;
  readonly #details: Coalescer;
  readonly #changedDetails = new Set<VmId>();
  readonly #watchers = new Map<VmId, number>();
  readonly #stopTick: () => void;
  #sentRevision: number;

  constructor({ io, fleet, access, clock, log, build, onWatched }: GatewayOptions) {
    this.#io = io;
    this.#fleet = fleet;
    this.#clock = clock;
    this.#build = build;
    this.#onWatched = onWatched;
    this.#sentRevision = fleet.revision;
    this.#deltas = new Coalescer(clock, DELTA_INTERVAL_MS, () => this.#sendDelta());
    this.#details = new Coalescer(clock, DELTA_INTERVAL_MS, () => this.#sendDetails());
    const refused = new LogLimit();
    io.use((socket, next) => {
      const { cookie, authorization } = socket.handshake.headers;
      if (access.permits({ cookie, authorization, token: socket.handshake.auth.token as unknown })) {
        socket.data.isBySession = !access.isOpen && access.permits({ cookie });
        return next();
      }
      const admitted = refused.admit("socket", clock.nowMs());
      if (admitted) log.info({ from: socket.handshake.address, ...admitted }, "refused a socket without a valid session");
      return next(new Error("not-signed-in"));
    });
    io.on("connection", (socket) => this.#accept(socket));
    this.#stopTick = clock.every(TICK_INTERVAL_MS, () => this.tick());
  }

  rowsChanged(): void {
    this.#deltas.poke();
  }

  detailsChanged(vmIds: readonly VmId[]): void {
    let isWatched = false;
    for (const vmId of vmIds) {
      if (!this.#watchers.has(vmId)) continue;
      this.#changedDetails.add(vmId);
      isWatched = true;
    }
    if (isWatched) this.#details.poke();
  }

  eventsStored(events: readonly VmEvent[]): void {
    const byVm = Map.groupBy(
      events.filter((event) => this.#watchers.has(event.vmId)),
      (event) => event.vmId,
    );
    for (const [vmId, ofVm] of byVm) this.#each(roomOf(vmId), (socket) => socket.emit("vm:events", { vmId, events: ofVm }));
  }

  actChanged(act: ActRecord): void {
    this.#each(FLEET_ROOM, (socket) => socket.emit("act:changed", act));
  }

  /** One that does not keep up fetches the list with everything else when it is back in step. */
  incidentsChanged(incidents: readonly IncidentSummary[]): void {
    this.#dropBehind(FLEET_ROOM);
    for (const incident of incidents) this.#io.to(FLEET_ROOM).emit("incident:changed", { epoch: this.#fleet.epoch, incident });
  }

  /** The server's time and the bridges' ages; also sent out of turn when a bridge comes or goes. */
  tick(): void {
    const tick = this.#newTick();
    for (const socket of this.#io.sockets.sockets.values()) {
      if (socket.data.isOutdated) this.#catchUp(socket);
      if (!isBehind(socket)) socket.emit("clock:ticked", tick);
    }
  }

  /**
   * A session has ended: every socket that its cookie let in has to show it again. The connection is cut below socket.io's
   * own farewell, after which a browser would not come back by itself, because other browsers have that session too.
   */
  endSessions(): void {
    for (const socket of this.#io.sockets.sockets.values()) if (socket.data.isBySession) socket.conn.close();
  }

  close(): void {
    this.#stopTick();
    this.#deltas.close();
    this.#details.close();
  }

  #accept(socket: BrowserSocket): void {
    socket.data.isOutdated = false;
    socket.data.watched = new Set();
    void socket.join(FLEET_ROOM);
    socket.conn.on("drain", () => {
      if (socket.data.isOutdated) this.#catchUp(socket);
    });
    socket.on("fleet:resume", (from, ack) => {
      const parsed = resumeSchema.safeParse(from);
      if (!parsed.success || typeof ack !== "function") return;
      // So that the next delta, which goes to all, joins on to this answer.
      this.#deltas.flush();
      const delta = this.#fleet.deltaSince(parsed.data.epoch, parsed.data.revision);
      ack(delta && delta.changed.length <= MAX_DELTA_ROWS ? { ok: true, delta } : { ok: false, code: "fetch-again" });
    });
    socket.on("vm:watch", (message, ack) => {
      const parsed = watchSchema.safeParse(message);
      if (!parsed.success || typeof ack !== "function") return;
      ack({ ok: this.#watch(socket, parsed.data.vmId) });
    });
    socket.on("vm:unwatch", (message) => {
      const parsed = watchSchema.safeParse(message);
      if (parsed.success) this.#unwatch(socket, parsed.data.vmId);
    });
    socket.on("disconnect", () => {
      for (const vmId of socket.data.watched) this.#unwatch(socket, vmId);
    });
    socket.emit("clock:ticked", this.#newTick());
  }

  #newTick(): Tick {
    return {
      epoch: this.#fleet.epoch,
      revision: this.#fleet.revision,
      serverTimeMs: this.#clock.nowMs(),
      bridges: this.#fleet.bridges(),
      ...(this.#build === undefined ? {} : { build: this.#build }),
    };
  }

  #watch(socket: BrowserSocket, vmId: VmId): boolean {
    const { watched } = socket.data;
    if (!watched.has(vmId)) {
      if (watched.size >= MAX_WATCHED_PER_CLIENT) return false;
      watched.add(vmId);
      void socket.join(roomOf(vmId));
      const before = this.#watchers.get(vmId) ?? 0;
      this.#watchers.set(vmId, before + 1);
      if (before === 0) this.#onWatched([...this.#watchers.keys()]);
    }
    this.#sendDetail(socket, vmId);
    return true;
  }

  #unwatch(socket: BrowserSocket, vmId: VmId): void {
    if (!socket.data.watched.delete(vmId)) return;
    void socket.leave(roomOf(vmId));
    const left = (this.#watchers.get(vmId) ?? 1) - 1;
    if (left > 0) {
      this.#watchers.set(vmId, left);
      return;
    }
    this.#watchers.delete(vmId);
    this.#onWatched([...this.#watchers.keys()]);
  }

  #sendDelta(): void {
    const delta = this.#fleet.deltaSince(this.#fleet.epoch, this.#sentRevision);
    this.#sentRevision = this.#fleet.revision;
    if (delta === undefined || delta.changed.length > MAX_DELTA_ROWS) {
      this.#dropBehind(FLEET_ROOM);
      this.#io.to(FLEET_ROOM).emit("fleet:outdated", { epoch: this.#fleet.epoch, revision: this.#fleet.revision });
      return;
    }
    if (delta.changed.length === 0 && delta.removed.length === 0) return;
    this.#dropBehind(FLEET_ROOM);
    this.#io.to(FLEET_ROOM).emit("fleet:changed", delta);
  }

  #sendDetails(): void {
    const vmIds = [...this.#changedDetails];
    this.#changedDetails.clear();
    for (const vmId of vmIds) {
      const vm = this.#fleet.detail(vmId);
      if (!vm) continue;
      this.#dropBehind(roomOf(vmId));
      this.#io.to([roomOf(vmId)]).emit("vm:changed", { epoch: this.#fleet.epoch, revision: this.#fleet.revision, vm });
    }
  }

  #sendDetail(socket: BrowserSocket, vmId: VmId): void {
    const vm = this.#fleet.detail(vmId);
    if (vm) socket.emit("vm:changed", { epoch: this.#fleet.epoch, revision: this.#fleet.revision, vm });
  }

  #each(room: string, send: (socket: BrowserSocket) => void): void {
    this.#dropBehind(room);
    for (const id of this.#io.sockets.adapter.rooms.get(room) ?? []) {
      const socket = this.#io.sockets.sockets.get(id);
      if (socket) send(socket);
    }
  }

  /** Takes those out of step who do not keep up: what they miss now, they fetch later. */
  #dropBehind(room: string): void {
    for (const id of [...(this.#io.sockets.adapter.rooms.get(room) ?? [])]) {
      const socket = this.#io.sockets.sockets.get(id);
      if (!socket || !isBehind(socket)) continue;
      socket.data.isOutdated = true;
      void socket.leave(FLEET_ROOM);
      for (const vmId of socket.data.watched) void socket.leave(roomOf(vmId));
    }
  }

  #catchUp(socket: BrowserSocket): void {
    if (isBehind(socket)) return;
    socket.data.isOutdated = false;
    void socket.join([FLEET_ROOM, ...Array.from(socket.data.watched, roomOf)]);
    socket.emit("fleet:outdated", { epoch: this.#fleet.epoch, revision: this.#fleet.revision });
    for (const vmId of socket.data.watched) this.#sendDetail(socket, vmId);
  }
}

function roomOf(vmId: VmId): string {
  return `vm:${vmId}`;
}
