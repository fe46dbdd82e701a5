import type { Socket } from "socket.io-client";

/** What one packet weighs while nobody has measured it. */
const GUESSED_PACKET_BYTES = 64 * 1024;

/** How much has been handed to this connection and is not with the kernel yet: looked at before anything is made. */
export function unsentBytes(socket: Pick<Socket, "io">): number {
  const { engine } = socket.io;
  if (!engine) return 0;
  const queuedBytes = engine.writeBuffer.length * GUESSED_PACKET_BYTES;
  // The websocket below is socket.io's own affair, so it is looked at with care.
  const websocket: unknown = Reflect.get(engine.transport, "ws");
  const buffered: unknown = typeof websocket === "object" && websocket !== null ? Reflect.get(websocket, "bufferedAmount") : 0;
  return queuedBytes + (typeof buffered === "number" ? buffered : 0);
}
