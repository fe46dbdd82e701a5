import { LabError } from "./lab-error.ts";

/** unix(7): `sun_path` has 108 bytes, one of which is the closing zero. */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Returns `path` if a unix socket can be bound to it.
 * @throws LabError that says by how much it is too long, and what to do.
 */
export function requireSocketPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
  throw new LabError(
    `The socket path ${path} has ${bytes} bytes and the system allows ${MAX_SOCKET_PATH_BYTES}: choose a directory with a shorter name`,
  );
}
