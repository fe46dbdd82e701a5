/** Packets that may wait for one client before it counts as behind. */
export const MAX_WAITING_PACKETS = 32;
/** Bytes that may wait in its socket. */
export const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Whether a client does not take what it is sent. One that stopped reading would otherwise make the hub keep every message
 * for it until the memory is gone.
 */
export function isBehind(socket: { conn: { transport: unknown } }): boolean {
  // `writeBuffer` is engine.io's own and declared private; there is no other way to see how much waits.
  const waiting: unknown = Reflect.get(socket.conn, "writeBuffer");
  if (Array.isArray(waiting) && waiting.length > MAX_WAITING_PACKETS) return true;
  return bufferedBytes(socket.conn.transport) > MAX_WAITING_BYTES;
}

function bufferedBytes(transport: unknown): number {
  if (typeof transport !== "object" || transport === null || !("socket" in transport)) return 0;
  const { socket } = transport;
  if (typeof socket !== "object" || socket === null || !("bufferedAmount" in socket)) return 0;
  return typeof socket.bufferedAmount === "number" ? socket.bufferedAmount : 0;
}
