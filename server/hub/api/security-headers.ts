import type { ServerResponse } from "node:http";

/**
 * For every answer, pages included. Next writes its data into inline scripts, and React its styles into attributes, hence
 * `unsafe-inline`; everything else comes from this hub alone. `isDevelopment` allows what Next's hot reload evaluates.
 */
export function setSecurityHeaders(response: ServerResponse, isDevelopment: boolean): void {
  response.setHeader("content-security-policy", isDevelopment ? policy("'unsafe-eval'") : policy());
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("x-frame-options", "DENY");
  response.setHeader("cross-origin-opener-policy", "same-origin");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  response.setHeader("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
}

function policy(...extraScript: string[]): string {
  return [
    "default-src 'self'",
    `script-src ${["'self'", "'unsafe-inline'", ...extraScript].join(" ")}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
