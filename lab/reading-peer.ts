import { createServer } from "node:net";

/**
 * `node reading-peer.ts ADDRESS BACKLOG`: listens at a unix path, or at that port of 127.0.0.1 (0: any), says
 * `listening PORT`, and reads whatever it is sent. Stopped by a signal it is a far side that takes connections, because
 * the kernel does, and never reads.
 */
const [address = "0", backlog = "8"] = process.argv.slice(2);
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.resume();
});
const where = address.startsWith("/") ? { path: address } : { host: "127.0.0.1", port: Number(address) };
server.listen({ ...where, backlog: Number(backlog) }, () => {
  const bound = server.address();
  console.log(`listening ${typeof bound === "object" && bound !== null ? bound.port : 0}`);
});
