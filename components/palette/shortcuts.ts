/** Keys that work on every page, as they are shown in the help and as they are listened for. */
export interface Shortcut {
  /** Pressed one after the other: `["g", "i"]`. */
  keys: readonly string[];
  text: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ["Ctrl K"], text: "Go to any VM, incident, page or cord" },
  { keys: ["/"], text: "Find in the fleet" },
  { keys: ["g", "f"], text: "Fleet" },
  { keys: ["g", "i"], text: "Incidents" },
  { keys: ["g", "a"], text: "Audit" },
  { keys: ["g", "w"], text: "Wall" },
  { keys: ["?"], text: "These keys" },
  { keys: ["Esc"], text: "Close what is open; in a dialog it means no" },
];

const PLACES: Readonly<Record<string, string>> = { f: "/", i: "/incidents", a: "/audit", w: "/wall" };
/** The second key of two has to follow the first within this time. */
const SEQUENCE_MS = 1_200;

export type ShortcutAction = { type: "palette" } | { type: "help" } | { type: "go"; href: string };

/** The first key of a sequence, and when it came. */
export interface PendingKey {
  key: string;
  atMs: number;
}

interface PressedKey {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** A field has the focus: letters are text there. */
  isTyping: boolean;
  /** A dialog is open: nothing may lead away from it. */
  isInDialog: boolean;
  atMs: number;
}

/** What one key means. Pure; `pending` is to be kept for the next key. */
export function reduceShortcut(pending: PendingKey | undefined, pressed: PressedKey): { pending?: PendingKey; action?: ShortcutAction } {
  const { key, ctrlKey, metaKey, altKey, isTyping, isInDialog, atMs } = pressed;
  if (isInDialog) return {};
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") return { action: { type: "palette" } };
  if (ctrlKey || metaKey || altKey || isTyping) return {};
  if (pending?.key === "g" && atMs - pending.atMs <= SEQUENCE_MS) {
    const href = PLACES[key.toLowerCase()];
    return href === undefined ? {} : { action: { type: "go", href } };
  }
  if (key === "g") return { pending: { key, atMs } };
  return key === "?" ? { action: { type: "help" } } : {};
}
