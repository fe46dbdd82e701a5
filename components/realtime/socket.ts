import type { QueryClient } from "@tanstack/react-query";
import type { io as IoClient, Socket } from "socket.io-client";
import type { FleetSnapshot } from "#lib/api/vm";
import { REALTIME_PATH } from "#lib/link/contract";
import type { ClientToServerEvents, ServerToClientEvents } from "#lib/realtime/events";
import type { VmId } from "#lib/vm/report";
import { keys } from "../queries/keys.ts";
import { applyServerEvent } from "./apply-server-event.ts";
import type { ServerEvent } from "./apply-server-event.ts";
import type { ServerClock } from "./server-clock.ts";

/** How the way to the hub is. Times are Unix ms on the hub's clock. */
export interface ConnectionState {
  isSocketOpen: boolean;
  isBrowserOnline: boolean;
  hasTicked: boolean;
  heardAtMs: number;
}

/** The one connection of this page. It lives as long as the page; facts go into the query cache and nowhere else. */
export interface Realtime {
  getState: () => ConnectionState;
  subscribe: (listener: () => void) => () => void;
  /** Asks for the details of one VM for as long as somebody looks; @returns the way to stop. */
  watch: (vmId: VmId) => () => void;
}

const ACK_TIMEOUT_MS = 5_000;
const LOAD_AGAIN_AFTER_MS = 1_000;

let running: Realtime | undefined;

/**
 * The connection, started by the first caller and shared by all: development mode mounts twice and must not open two.
 * Only to be called in a browser.
 */
export function realtime(queryClient: QueryClient, clock: ServerClock): Realtime {
  running ??= openRealtime(queryClient, clock);
  return running;
}

function openRealtime(queryClient: QueryClient, clock: ServerClock): Realtime {
  let socket: Socket<ServerToClientEvents, ClientToServerEvents> | undefined;
  const listeners = new Set<() => void>();
  const watched = new Map<VmId, number>();
  let state: ConnectionState = {
    isSocketOpen: false,
    isBrowserOnline: navigator.onLine,
    hasTicked: false,
    heardAtMs: clock.nowMs(),
  };
  let isResuming = false;

  function change(part: Partial<ConnectionState>) {
    state = { ...state, ...part };
    for (const listener of listeners) listener();
  }

  function take(event: ServerEvent) {
    if (applyServerEvent(queryClient, event) === "ask-again") void resume();
  }

  /** Joins on where this browser stands, or fetches everything again. One at a time: gaps come in bursts. */
  async function resume() {
    if (isResuming) return;
    isResuming = true;
    try {
      const fleet = queryClient.getQueryData<FleetSnapshot>(keys.fleet);
      if (fleet && socket?.connected) {
        const answer = await socket
          .timeout(ACK_TIMEOUT_MS)
          .emitWithAck("fleet:resume", { epoch: fleet.epoch, revision: fleet.revision })
          .catch(() => undefined);
        if (answer?.ok && applyServerEvent(queryClient, { name: "fleet:changed", payload: answer.delta }) !== "ask-again") return;
      }
      // Another hub, or too far behind: what is known of single VMs is as doubtful as the fleet.
      await Promise.all([queryClient.refetchQueries({ queryKey: keys.fleet }), queryClient.invalidateQueries({ queryKey: keys.vms })]);
    } finally {
      isResuming = false;
    }
  }

  async function askToWatch(vmId: VmId) {
    if (!socket?.connected) return;
    await socket
      .timeout(ACK_TIMEOUT_MS)
      .emitWithAck("vm:watch", { vmId })
      .catch(() => undefined);
    // What changed before the hub knew that somebody looks was sent to nobody.
    await Promise.all(
      [keys.vm(vmId), keys.vmEvents(vmId), keys.vmActs(vmId)].map((queryKey) => queryClient.invalidateQueries({ queryKey })),
    );
  }

  /** The page is read before it is live, so its first draw does not wait for the code of the socket. */
  async function open() {
    const io = await loadSocket();
    socket = io({
      path: REALTIME_PATH,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 4_000,
    });
    socket.on("connect", () => {
      change({ isSocketOpen: true });
      void resume();
      for (const vmId of watched.keys()) void askToWatch(vmId);
      for (const queryKey of [keys.acts, keys.incidents]) void queryClient.invalidateQueries({ queryKey });
    });
    socket.on("disconnect", () => change({ isSocketOpen: false }));
    socket.on("connect_error", (error) => {
      if (isNotSignedIn(error)) location.assign("/login");
    });
    socket.on("clock:ticked", (payload) => {
      clock.heard(payload.serverTimeMs);
      // By when the hub sent it, not by when it arrived: a tick that was held up on its way tells of what was.
      change({ hasTicked: true, heardAtMs: Math.min(payload.serverTimeMs, clock.nowMs()) });
      take({ name: "clock:ticked", payload });
    });
    socket.on("fleet:changed", (payload) => take({ name: "fleet:changed", payload }));
    socket.on("fleet:outdated", (payload) => take({ name: "fleet:outdated", payload }));
    socket.on("vm:changed", (payload) => take({ name: "vm:changed", payload }));
    socket.on("vm:events", (payload) => take({ name: "vm:events", payload }));
    socket.on("act:changed", (payload) => take({ name: "act:changed", payload }));
    socket.on("incident:changed", (payload) => take({ name: "incident:changed", payload }));
  }

  void open();
  window.addEventListener("online", () => change({ isBrowserOnline: true }));
  window.addEventListener("offline", () => change({ isBrowserOnline: false }));

  return {
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    watch(vmId) {
      const watchers = watched.get(vmId) ?? 0;
      watched.set(vmId, watchers + 1);
      if (watchers === 0) void askToWatch(vmId);
      return () => {
        const left = (watched.get(vmId) ?? 1) - 1;
        if (left > 0) {
          watched.set(vmId, left);
          return;
        }
        watched.delete(vmId);
        if (socket?.connected) socket.emit("vm:unwatch", { vmId });
      };
    },
  };
}

/** Until it is there: a network that fails just now must not leave the page without its socket for ever. */
async function loadSocket(): Promise<typeof IoClient> {
  for (;;) {
    const loaded = await import("socket.io-client").catch(() => undefined);
    if (loaded) return loaded.io;
    await new Promise((resolve) => setTimeout(resolve, LOAD_AGAIN_AFTER_MS));
  }
}

function isNotSignedIn(error: Error & { data?: unknown }): boolean {
  const { data } = error;
  return (
    error.message === "not-signed-in" || (typeof data === "object" && data !== null && "code" in data && data.code === "not-signed-in")
  );
}
