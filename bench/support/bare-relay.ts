import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";

export interface BareRelay {
  url: string;
  /** Sends one text to every page, which writes it into its one cell. */
  show(text: string): void;
  close(): Promise<void>;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>floor</title><div class="row"><b>floor</b> <i></i></div>
<script src="/realtime/socket.io.js"></script>
<script>
  const cell = document.querySelector("i");
  io({ path: "/realtime", transports: ["websocket"] }).on("text", (text) => { cell.textContent = text; });
</script>`;

/** The shortest way that there is from this process into a page over the same transport: no state, no order, no record. */
export async function startBareRelay(): Promise<BareRelay> {
  const http = createServer((_request, response) => response.setHeader("content-type", "text/html").end(PAGE));
  const io = new Server(http, { path: "/realtime" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    show: (text) => io.emit("text", text),
    close: async () => {
      await io.close();
    },
  };
}
