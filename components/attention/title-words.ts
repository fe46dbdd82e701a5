const BADGE = /^(\(\d+\+?\)|\(stale\)) /;
const MOST = 99;

/** "(3) Fleet · Ripcord"; undefined: nothing is heard, and no number is known. */
export function badgedTitle(title: string, troubled: number | undefined): string {
  const plain = title.replace(BADGE, "");
  if (troubled === undefined) return `(stale) ${plain}`;
  return troubled === 0 ? plain : `(${countText(troubled)}) ${plain}`;
}

/** The mark in grey while nothing is wrong, with the number on it where something is. As a data: URL, drawn here. */
export function faviconFor(troubled: number | undefined): string {
  if (troubled === 0) return "/favicon.svg";
  const text = troubled === undefined ? "?" : countText(troubled);
  const fill = troubled === undefined ? "#6b7280" : "#e5532d";
  const size = text.length > 2 ? 15 : text.length > 1 ? 19 : 22;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M10 1h12l9 9v12l-9 9H10l-9-9V10z" fill="${fill}"/><text x="16" y="16.5" dominant-baseline="central" text-anchor="middle" font-family="system-ui,sans-serif" font-weight="700" font-size="${size}" fill="#fff">${text}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function countText(count: number): string {
  return count > MOST ? `${MOST}+` : String(count);
}
