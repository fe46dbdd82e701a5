import { QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { actRecord } from "../testing/fixtures.ts";
import { useConfirmPlan } from "./acts.ts";
import { createQueryClient } from "./query-client.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function hook() {
  const client = createQueryClient();
  return renderHook(() => useConfirmPlan(), {
    wrapper: ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  }).result;
}

function goes(online: boolean) {
  vi.spyOn(navigator, "onLine", "get").mockReturnValue(online);
  window.dispatchEvent(new Event(online ? "online" : "offline"));
}

test("a click made offline is never sent, also not when the browser is online again", async () => {
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  const result = hook();
  goes(false);
  act(() => result.current.mutate({ planId: "plan1" }));
  await waitFor(() => expect(result.current.isError).toBe(true));
  expect(result.current.error?.message).toContain("nothing was sent");
  act(() => goes(true));
  await waitFor(() => expect(result.current.isPaused).toBe(false));
  expect(fetched).not.toHaveBeenCalled();
});

test("a confirmation whose answer is lost is not tried again", async () => {
  const fetched = vi.fn<typeof fetch>(() => Promise.reject(new TypeError("Failed to fetch")));
  vi.stubGlobal("fetch", fetched);
  const result = hook();
  act(() => result.current.mutate({ planId: "plan1" }));
  await waitFor(() => expect(result.current.isError).toBe(true));
  expect(result.current.error?.status).toBeUndefined();
  expect(fetched).toHaveBeenCalledOnce();
});

test("a confirmation goes out once, with what was typed", async () => {
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(Response.json(actRecord({}), { status: 202 })));
  vi.stubGlobal("fetch", fetched);
  const result = hook();
  act(() => result.current.mutate({ planId: "plan1", typedName: "db-7" }));
  await waitFor(() => expect(result.current.isSuccess).toBe(true));
  expect(fetched).toHaveBeenCalledOnce();
  const [path, init] = fetched.mock.calls[0]!;
  expect(path).toBe("/api/v1/acts");
  expect(init?.body).toBe('{"planId":"plan1","typedName":"db-7"}');
});
