import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./api.ts";

/**
 * Queries may be asked again; acts never. A mutation that is paused while offline and sent later, or tried twice, would
 * be a second pull of a cord that nobody decided on.
 */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        networkMode: "always",
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status !== undefined && error.status < 500),
      },
      mutations: { networkMode: "always", retry: false, gcTime: 0 },
    },
  });
}
