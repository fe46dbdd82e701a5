import type { VmSummary } from "#lib/api/vm";
import { verdictTitle } from "../vm/verdict-words.ts";
import { farSidesOf } from "./facets.ts";

/** Rows are never changed, only replaced: the text of one is made once, and goes when the row goes. */
const texts = new WeakMap<VmSummary, string>();

/** Everything of a row that it can be found by, in lower case. */
function searchText(vm: VmSummary): string {
  const known = texts.get(vm);
  if (known !== undefined) return known;
  const text = [
    vm.name,
    vm.host,
    vm.address,
    ...vm.tags,
    ...farSidesOf(vm),
    vm.suspect?.name,
    vm.suspect?.serves,
    vm.runState,
    vm.qemuVersion,
    vm.launcher,
    verdictTitle(vm.health),
    vm.vmId,
  ]
    .filter((part) => part !== undefined)
    .join("\n")
    .toLowerCase();
  texts.set(vm, text);
  return text;
}

/** Whether a VM is found by every word of the search. */
export function matchesSearch(vm: VmSummary, search: string): boolean {
  return finderOf(search)(vm);
}

/** The same for many: the words are taken apart once. */
export function finderOf(search: string): (vm: VmSummary) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return (vm) => {
    if (words.length === 0) return true;
    const text = searchText(vm);
    return words.every((word) => text.includes(word));
  };
}
