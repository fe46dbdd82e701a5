import type { Page } from "playwright";

/** One change of a run state in the page, by the page's own clock. */
export interface DomChange {
  name: string;
  text: string;
  /** Unix ms. */
  atMs: number;
}

/** What the watching script finds in the page. */
export interface WatchedCells {
  /** CSS selector of what holds one VM, and within it of its name and of its run state. */
  row: string;
  name: string;
  runState: string;
}

/**
 * Tells every change of a run state that the page draws. The time is taken in the page, in the MutationObserver; how long
 * the message takes from there to here does not count.
 */
export async function watchRunStates(page: Page, cells: WatchedCells, onChange: (change: DomChange) => void): Promise<void> {
  await page.exposeFunction("benchChanged", onChange);
  await page.evaluate(({ row, name, runState }) => {
    const report = (globalThis as unknown as { benchChanged: (change: object) => void }).benchChanged;
    const last = new Map<string, string>();
    const look = (element: Element, atMs: number): void => {
      const named = element.querySelector(name)?.textContent ?? "";
      const text = element.querySelector(runState)?.textContent ?? "";
      if (named === "" || last.get(named) === text) return;
      const isFirst = !last.has(named);
      last.set(named, text);
      if (!isFirst) report({ name: named, text, atMs });
    };
    for (const element of document.querySelectorAll(row)) look(element, 0);
    new MutationObserver((mutations) => {
      const atMs = performance.timeOrigin + performance.now();
      const rows = new Set<Element>();
      for (const { target } of mutations) {
        const element = (target instanceof Element ? target : target.parentElement)?.closest(row);
        if (element) rows.add(element);
      }
      for (const element of rows) look(element, atMs);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  }, cells);
}
