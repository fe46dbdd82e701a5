import { expect, test } from "vitest";
import { parseViews, withView } from "./saved-views.ts";

test("what cannot be a view of the fleet is left out", () => {
  expect(parseViews(null)).toEqual([]);
  expect(parseViews("{")).toEqual([]);
  const views = [{ name: "mine", url: "/?host=kvm-1" }, { name: "away", url: "//evil.example/" }, { name: "", url: "/" }, 7];
  expect(parseViews(JSON.stringify(views))).toEqual([{ name: "mine", url: "/?host=kvm-1" }]);
});

test("a view of the same name is replaced, and one without a name is not kept", () => {
  const once = withView([], { name: " mine ", url: "/?q=a" });
  expect(withView(once, { name: "mine", url: "/?q=b" })).toEqual([{ name: "mine", url: "/?q=b" }]);
  expect(withView(once, { name: "  ", url: "/" })).toEqual(once);
});
