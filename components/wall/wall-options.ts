/**
 * What a wall shows and how, all of it in its URL, because nobody stands there with a mouse:
 * `?hosts=kvm-*,db-01&title=Fleet+A&sound=on&night=22-6&cap=70&zone=local&theme=dark`.
 */
export interface WallOptions {
  /** Globs over the hosts' names; empty: all. */
  hosts: string[];
  title: string;
  hasSound: boolean;
  /** Hours of the day, in the wall's own zone, between which it is dimmed; undefined: never. */
  night: { fromHour: number; toHour: number } | undefined;
  /** The most light that it may give, in percent of what the screen can: by day. */
  capPercent: number;
  zone: "utc" | "local";
  theme: "dark" | "light";
  /** Options that were not understood, in words: a wall with a typing error in its URL says so. */
  mistakes: string[];
}

const DEFAULT_TITLE = "Fleet";
const MAX_HOSTS = 64;
const MAX_TEXT = 80;
const LEAST_CAP = 20;

/** Every option is optional; one that cannot be read keeps its default and is told. */
export function readWallOptions(search: URLSearchParams): WallOptions {
  const mistakes: string[] = [];
  const known = new Set(["hosts", "title", "sound", "night", "cap", "zone", "theme"]);
  for (const name of new Set(search.keys())) if (!known.has(name)) mistakes.push(`there is no option “${name.slice(0, MAX_TEXT)}”`);
  return {
    hosts: (search.get("hosts") ?? "")
      .split(",")
      .map((host) => host.trim())
      .filter(Boolean)
      .slice(0, MAX_HOSTS),
    title: search.get("title")?.trim().slice(0, MAX_TEXT) || DEFAULT_TITLE,
    hasSound: readChoice(search, "sound", ["off", "on"], mistakes) === "on",
    night: readNight(search.get("night"), mistakes),
    capPercent: readCap(search.get("cap"), mistakes),
    zone: readChoice(search, "zone", ["utc", "local"], mistakes),
    theme: readChoice(search, "theme", ["dark", "light"], mistakes),
    mistakes,
  };
}

/** Whether this hour of the day lies in the night; 22-6 goes over midnight. */
export function isNight(night: WallOptions["night"], hour: number): boolean {
  if (!night) return false;
  const { fromHour, toHour } = night;
  return fromHour <= toHour ? hour >= fromHour && hour < toHour : hour >= fromHour || hour < toHour;
}

/** Whether a host is shown; `*` stands for any text. */
export function isHostShown(hosts: readonly string[], host: string): boolean {
  return hosts.length === 0 || hosts.some((glob) => matchesGlob(glob, host));
}

/** Without a regular expression, so that no glob from a URL can make one that runs for ever. */
function matchesGlob(glob: string, text: string): boolean {
  const [first = "", ...rest] = glob.toLowerCase().split("*");
  const wanted = text.toLowerCase();
  const last = rest.pop();
  if (last === undefined) return wanted === first;
  if (!wanted.startsWith(first) || !wanted.endsWith(last) || wanted.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = wanted.indexOf(part, at);
    if (found < 0 || found + part.length > wanted.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

function readChoice<const Choice extends string>(
  search: URLSearchParams,
  name: string,
  choices: readonly [Choice, ...Choice[]],
  mistakes: string[],
): Choice {
  const value = search.get(name);
  const chosen = choices.find((choice) => choice === value);
  if (value !== null && chosen === undefined) mistakes.push(`${name} is ${choices.join(" or ")}`);
  return chosen ?? choices[0];
}

function readNight(value: string | null, mistakes: string[]): WallOptions["night"] {
  if (value === null || value === "off") return undefined;
  const match = /^(\d{1,2})-(\d{1,2})$/.exec(value);
  const [fromHour, toHour] = [Number(match?.[1]), Number(match?.[2])];
  if (match && fromHour <= 23 && toHour <= 24) return { fromHour, toHour: toHour % 24 };
  mistakes.push("night is two hours of the day, as in 22-6");
  return undefined;
}

function readCap(value: string | null, mistakes: string[]): number {
  if (value === null) return 100;
  const percent = Number(value);
  if (Number.isInteger(percent) && percent >= LEAST_CAP && percent <= 100) return percent;
  mistakes.push(`cap is a percentage from ${LEAST_CAP} to 100`);
  return 100;
}
