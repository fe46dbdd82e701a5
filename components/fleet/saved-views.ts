/** What one browser keeps of how its operator likes to look at the fleet: a name and the URL of the view. */
export interface SavedView {
  name: string;
  url: string;
}

const STORAGE_KEY = "ripcord.fleet-views";
const MAX_VIEWS = 30;
const MAX_NAME = 60;

/** Whatever stands there may have been written by another version, or by hand. */
export function parseViews(text: string | null): SavedView[] {
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isSavedView).slice(0, MAX_VIEWS) : [];
  } catch {
    return [];
  }
}

/** With this view under this name; one of the same name is replaced. */
export function withView(views: readonly SavedView[], { name, url }: SavedView): SavedView[] {
  const short = name.trim().slice(0, MAX_NAME);
  if (short === "") return [...views];
  return [...views.filter((view) => view.name !== short), { name: short, url }].slice(-MAX_VIEWS);
}

export function readViews(): SavedView[] {
  try {
    return parseViews(localStorage.getItem(STORAGE_KEY));
  } catch {
    return [];
  }
}

/** @returns whether the browser kept them: it may forbid it. */
export function writeViews(views: readonly SavedView[]): boolean {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}

/** Only paths of the fleet page: what stands in a browser's storage leads nowhere else. */
function isSavedView(value: unknown): value is SavedView {
  if (typeof value !== "object" || value === null || !("name" in value) || !("url" in value)) return false;
  return typeof value.name === "string" && value.name !== "" && typeof value.url === "string" && /^\/(\?|$)/.test(value.url);
}
