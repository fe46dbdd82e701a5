import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ActEvidenceView, IncidentDetail, IncidentList } from "#lib/api/incident";
import type { IncidentSummary } from "#lib/incident/incident";
import { apiDelete, apiGet, apiPost } from "./api.ts";
import type { ApiError } from "./api.ts";
import { keys } from "./keys.ts";

/** The timeline of an open incident grows by events that change no summary; it is asked for this often. */
const OPEN_REFRESH_MS = 5_000;
/** When the socket told of a newer state than the page shows. */
const BEHIND_REFRESH_MS = 1_000;

/** Every incident; kept by the socket after it was fetched once. */
export function incidentsQuery() {
  return queryOptions({
    queryKey: keys.incidentList,
    queryFn: ({ signal }) => apiGet<IncidentList>("/incidents", signal),
    staleTime: Infinity,
    gcTime: Infinity,
  });
}

/** One incident with its members, cords and timeline. */
export function incidentQuery(incidentId: string) {
  return queryOptions({
    queryKey: keys.incident(incidentId),
    queryFn: ({ signal }) => apiGet<IncidentDetail>(`/incidents/${encodeURIComponent(incidentId)}`, signal),
    staleTime: Infinity,
    gcTime: 0,
  });
}

/** The page's incident, asked for again whenever the socket has told of a newer state, and now and then while it is open. */
export function useIncident(seed: IncidentDetail) {
  const { data: list } = useQuery(incidentsQuery());
  const latest = list?.incidents.find((incident) => incident.incidentId === seed.incidentId);
  return useQuery({
    ...incidentQuery(seed.incidentId),
    initialData: seed,
    refetchInterval: ({ state: { data } }) => {
      if (data && latest && latest.revision > data.revision) return BEHIND_REFRESH_MS;
      return data?.state === "resolved" ? false : OPEN_REFRESH_MS;
    },
  });
}

/** The summary of one incident, where the list is known. */
export function useIncidentSummary(incidentId: string | undefined): IncidentSummary | undefined {
  const { data } = useQuery(incidentsQuery());
  return incidentId === undefined ? undefined : data?.incidents.find((incident) => incident.incidentId === incidentId);
}

/** What was stored with an act before it. It never changes. */
export function actEvidenceQuery(actId: string) {
  return queryOptions({
    queryKey: keys.actEvidence(actId),
    queryFn: ({ signal }) => apiGet<ActEvidenceView>(`/acts/${encodeURIComponent(actId)}/evidence`, signal),
    staleTime: Infinity,
  });
}

/** Writes a note to an incident, once and now. */
export function useAddNote(incidentId: string) {
  return useIncidentPost<{ text: string }>(incidentId, "notes");
}

/** Calls an incident over, with the reason. */
export function useResolveIncident(incidentId: string) {
  return useIncidentPost<{ reason?: string }>(incidentId, "resolve");
}

/** Says who is on it and for how long; undefined takes it back. */
export function useAcknowledge(incidentId: string) {
  const queryClient = useQueryClient();
  return useMutation<unknown, ApiError, { who: string; forMs: number } | undefined>({
    networkMode: "always",
    retry: false,
    gcTime: 0,
    mutationFn: (wish) => {
      const path = `/incidents/${encodeURIComponent(incidentId)}/acknowledge`;
      return wish === undefined ? apiDelete(path) : apiPost(path, wish);
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.incident(incidentId) }),
  });
}

function useIncidentPost<Body>(incidentId: string, what: string) {
  const queryClient = useQueryClient();
  return useMutation<unknown, ApiError, Body>({
    networkMode: "always",
    retry: false,
    gcTime: 0,
    mutationFn: (body) => apiPost(`/incidents/${encodeURIComponent(incidentId)}/${what}`, body),
    // The page shows it when the hub tells it, not before.
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.incident(incidentId) }),
  });
}
