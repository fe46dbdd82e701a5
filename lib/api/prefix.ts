/** Where the HTTP API lives. Apart from the request schemas so that the browser can import it without them. */
export const API_PREFIX = "/api/v1";
