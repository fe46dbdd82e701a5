import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";

/** The body carries the server's time, so it must not grow old; a herd of browsers that come back at once shares it. */
const MAX_AGE_MS = 250;
const COMPRESS_FROM_BYTES = 8 * 1024;
// Quality 4 is about as fast as gzip and a fifth smaller.
const BROTLI_QUALITY = 4;

export type Encoding = "br" | "gzip" | "identity";
interface Encoded {
  body: Uint8Array<ArrayBuffer>;
  encoding: Encoding;
}

/** The whole fleet as bytes, made once per revision and encoding. */
export class SnapshotCache {
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  #revision = -1;
  #madeAtMs = 0;
  #bodies = new Map<Encoding, Promise<Encoded>>();

  constructor(fleet: Fleet, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
  }

  get(encoding: Encoding): Promise<Encoded> {
    const nowMs = this.#clock.nowMs();
    if (this.#revision !== this.#fleet.revision || nowMs - this.#madeAtMs > MAX_AGE_MS) {
      this.#bodies = new Map();
      this.#revision = this.#fleet.revision;
      this.#madeAtMs = nowMs;
    }
    const cached = this.#bodies.get(encoding);
    if (cached) return cached;
    const made = encode(this.#fleet.snapshotJson(), encoding);
    this.#bodies.set(encoding, made);
    return made;
  }
}

/** The best of what the client takes. */
export function chooseEncoding(acceptEncoding: string | null): Encoding {
  const accepted = new Set(
    (acceptEncoding ?? "")
      .split(",")
      .map((part) => part.trim().toLowerCase())
      .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
      .map((part) => part.split(";")[0]),
  );
  return accepted.has("br") ? "br" : accepted.has("gzip") ? "gzip" : "identity";
}

export async function encode(text: string, encoding: Encoding): Promise<Encoded> {
  const bytes = Buffer.from(text);
  if (encoding === "identity" || bytes.byteLength < COMPRESS_FROM_BYTES) return { body: bytes, encoding: "identity" };
  if (encoding === "gzip") return { body: await promisify(gzip)(bytes), encoding };
  return { body: await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }), encoding };
}
