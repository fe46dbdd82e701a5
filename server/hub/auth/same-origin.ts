/**
 * Which Host and Origin a request may carry. A page elsewhere can make a browser send requests to this machine, and a name
 * elsewhere can be made to point here: neither can change these two headers.
 */
export class SameOrigin {
  #port = 0;
  readonly #names: Set<string>;

  constructor(listenHost: string) {
    this.#names = new Set([
      "localhost",
      "127.0.0.1",
      "[::1]",
      listenHost.includes(":") && !listenHost.startsWith("[") ? `[${listenHost}]` : listenHost,
    ]);
  }

  /** To be called once the port is known. */
  usePort(port: number): void {
    this.#port = port;
  }

  isOwnHost(host: string | null | undefined): boolean {
    const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec((host ?? "").toLowerCase());
    return match?.[1] !== undefined && this.#names.has(match[1]) && Number(match[2] ?? 80) === this.#port;
  }

  /** An absent Origin is not a browser's cross-site request: those always carry one where something can be changed. */
  isOwnOrigin(origin: string | null | undefined): boolean {
    if (origin === null || origin === undefined) return true;
    return origin.startsWith("http://") && this.isOwnHost(origin.slice("http://".length));
  }

  /** For requests that change something: the Origin, and what the browser itself says of where it came from. */
  isOwnUnsafeRequest(headers: Headers): boolean {
    const site = headers.get("sec-fetch-site");
    return this.isOwnOrigin(headers.get("origin")) && (site === null || site === "same-origin" || site === "none");
  }
}
