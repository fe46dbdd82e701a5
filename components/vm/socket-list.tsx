import type { SocketView } from "#lib/api/vm";
import { Age } from "../ui/age.tsx";
import { formatBytes } from "../ui/format.ts";

/** The connections of one instance as the host's kernel tells them; the far side was not touched to learn it. */
export function SocketList({ sockets, name }: { sockets: readonly SocketView[]; name: string }) {
  return (
    <ul aria-label={`Connections of ${name}`} className="grid gap-2">
      {sockets.map((socket, index) => (
        <li key={`${index} ${socket.local} ${socket.peer}`} className="text-sm wrap-anywhere">
          <p className="font-mono text-xs leading-5 text-strong">
            {socket.transport} {socket.state} {socket.local ?? ""} {socket.peer ? `→ ${socket.peer}` : ""}
          </p>
          <p>
            {queueWords(socket).join(" · ")}
            {socket.lastSentAtMs !== undefined && (
              <>
                {" "}
                · last sent <Age atMs={socket.lastSentAtMs} />
              </>
            )}
            {socket.lastReceivedAtMs !== undefined && (
              <>
                {" "}
                · last received <Age atMs={socket.lastReceivedAtMs} />
              </>
            )}
            {socket.stillSinceAtMs !== undefined && (
              <>
                {" "}
                · its queue has not moved for <Age atMs={socket.stillSinceAtMs} suffix="" />
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}

function queueWords({ bytesSent, bytesReceived, unsentBytes, unreadBytes, peerUnreadBytes, peerProcess }: SocketView): string[] {
  const words: string[] = [];
  if (bytesSent !== undefined) words.push(`${formatBytes(bytesSent)} sent`);
  if (bytesReceived !== undefined) words.push(`${formatBytes(bytesReceived)} received`);
  if (unsentBytes !== undefined) words.push(`${formatBytes(unsentBytes)} not taken by the far side`);
  if (unreadBytes !== undefined) words.push(`${formatBytes(unreadBytes)} not read by QEMU`);
  if (peerUnreadBytes !== undefined) words.push(`${formatBytes(peerUnreadBytes)} not read by the far side`);
  if (peerProcess !== undefined) words.push(`at the other end pid ${peerProcess.pid} ${peerProcess.name}`);
  return words.length === 0 ? ["the kernel tells no figures"] : words;
}
