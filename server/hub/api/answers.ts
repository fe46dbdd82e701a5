/** An answer that nobody may keep: everything here is of the moment. */
export function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

/** @param name of our own making: letters, digits, dash and dot. */
export function download(text: string, name: string, type: string): Response {
  return new Response(text, {
    headers: { "content-type": type, "content-disposition": `attachment; filename="${name}"`, "cache-control": "no-store" },
  });
}

/**
 * Where the next page of a list is, newest first: there is one where this one is full. The last number that was told is
 * where it goes on.
 */
export function nextPage(request: Request, { limit, told, last }: { limit: number; told: number; last?: number }): { next?: string } {
  if (last === undefined || told < limit) return {};
  const { pathname, searchParams } = new URL(request.url);
  searchParams.set("before", String(last));
  return { next: `${pathname}?${searchParams.toString()}` };
}
