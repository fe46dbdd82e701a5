import { createHmac } from "node:crypto";
import { isSameSecret } from "./secrets.ts";

const COOKIE_LIFETIME_S = 30 * 24 * 3_600;

/** What a request says of itself, whether it came over HTTP, from a page, or as a socket's handshake. */
export interface Credentials {
  cookie?: string | null;
  authorization?: string | null;
  /** A socket client that is no browser may offer the token in its handshake. */
  token?: unknown;
}

/**
 * Who may use this hub. Until there are users: whoever holds the access token, as a Bearer or as the cookie made from it;
 * everybody, where there is none (`demo`, whose VMs are its own). The cookie holds a value derived from the token, not the
 * token, and carries the port in its name, because browsers share cookies among all ports of a host.
 */
export class Access {
  readonly isOpen: boolean;
  readonly #token: string | undefined;
  readonly #cookieValue: string;
  #cookieName = "ripcord_session";

  constructor(token: string | undefined) {
    this.isOpen = token === undefined;
    this.#token = token;
    this.#cookieValue =
      token === undefined ? "" : createHmac("sha256", token).update("ripcord session cookie, version 1").digest("base64url");
  }

  /** To be called once the port is known. */
  usePort(port: number): void {
    this.#cookieName = `ripcord_session_${port}`;
  }

  isTokenRight(token: string): boolean {
    return this.#token !== undefined && isSameSecret(token, this.#token);
  }

  permits({ cookie, authorization, token }: Credentials): boolean {
    if (this.isOpen) return true;
    const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (bearer !== undefined) return this.isTokenRight(bearer);
    if (typeof token === "string" && token !== "") return this.isTokenRight(token);
    return valuesOf(cookie ?? "", this.#cookieName).some((value) => isSameSecret(value, this.#cookieValue));
  }

  setCookie(): string {
    return `${this.#cookieName}=${this.#cookieValue}; Path=/; Max-Age=${COOKIE_LIFETIME_S}; HttpOnly; SameSite=Strict`;
  }

  clearCookie(): string {
    return `${this.#cookieName}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;
  }
}

function valuesOf(header: string, name: string): string[] {
  return header
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1));
}
