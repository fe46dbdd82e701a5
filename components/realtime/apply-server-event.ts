import type { QueryClient } from "@tanstack/react-query";
import { assertNever } from "#lib/assert-never";
import type { IncidentDetail, IncidentList } from "#lib/api/incident";
import type { FleetSnapshot, VmDetail, VmEvent } from "#lib/api/vm";
import type { FleetDelta, ServerToClientEvents, Tick } from "#lib/realtime/events";
import type { ActRecord } from "#lib/yank/act";
import { keys } from "../queries/keys.ts";

type Payload<Name extends keyof ServerToClientEvents> = Parameters<ServerToClientEvents[Name]>[0];

/** One message of the socket, with its name. */
export type ServerEvent = { [Name in keyof ServerToClientEvents]: { name: Name; payload: Payload<Name> } }[keyof ServerToClientEvents];

/** `ask-again`: this browser missed something and has to resume or fetch the snapshot. */
export type Applied = "merged" | "ignored" | "ask-again";

const KEPT_EVENTS = 500;

/**
 * Merges one fact into the cache, which is the only copy of it. The next revision of the same epoch is merged, an older
 * one ignored; a gap or another epoch asks again. Nothing is ever drawn that this function did not put there or a
 * snapshot brought.
 */
export function applyServerEvent(queryClient: QueryClient, event: ServerEvent): Applied {
  switch (event.name) {
    case "fleet:changed":
      return applyDelta(queryClient, event.payload);
    case "fleet:outdated":
      // What was not sent meanwhile was not only rows: events and acts of the page that is open have no other gap to show.
      void queryClient.invalidateQueries({ queryKey: keys.vms });
      void queryClient.invalidateQueries({ queryKey: keys.acts });
      void queryClient.invalidateQueries({ queryKey: keys.incidents });
      return "ask-again";
    case "clock:ticked":
      return applyTick(queryClient, event.payload);
    case "vm:changed":
      return applyDetail(queryClient, event.payload);
    case "vm:events":
      return applyEvents(queryClient, event.payload);
    case "act:changed":
      return applyAct(queryClient, event.payload);
    case "incident:changed":
      return applyIncident(queryClient, event.payload);
    default:
      return assertNever(event);
  }
}

function applyDelta(queryClient: QueryClient, delta: FleetDelta): Applied {
  // Of a VM that left the list no more details come; its page has to learn that it ended.
  for (const vmId of delta.removed) void queryClient.invalidateQueries({ queryKey: keys.vm(vmId) });
  const fleet = queryClient.getQueryData<FleetSnapshot>(keys.fleet);
  // Without a snapshot there is nothing to build on; the one being fetched is newer than this or the tick will tell.
  if (!fleet) return "ignored";
  if (delta.epoch !== fleet.epoch) return "ask-again";
  if (delta.toRevision <= fleet.revision) return "ignored";
  if (delta.fromRevision > fleet.revision) return "ask-again";
  queryClient.setQueryData<FleetSnapshot>(keys.fleet, mergeDelta(fleet, delta));
  return "merged";
}

/** @returns the fleet after the delta; VMs that did not change keep their identity, so that their rows need no redraw. */
function mergeDelta(fleet: FleetSnapshot, delta: FleetDelta): FleetSnapshot {
  const changed = new Map(delta.changed.map((vm) => [vm.vmId, vm]));
  const removed = new Set(delta.removed);
  const vms = [];
  for (const vm of fleet.vms) {
    if (removed.has(vm.vmId)) continue;
    const next = changed.get(vm.vmId);
    changed.delete(vm.vmId);
    // A delta that overlaps what is known may carry an older state of a VM than we have.
    vms.push(next && next.changedAtRevision >= vm.changedAtRevision ? next : vm);
  }
  for (const vm of changed.values()) if (!removed.has(vm.vmId)) vms.push(vm);
  return { ...fleet, revision: delta.toRevision, vms };
}

function applyTick(queryClient: QueryClient, tick: Tick): Applied {
  const previous = queryClient.getQueryData<Tick>(keys.tick);
  const fleet = queryClient.getQueryData<FleetSnapshot>(keys.fleet);
  queryClient.setQueryData<Tick>(keys.tick, tick);
  if (!fleet) return "merged";
  if (tick.epoch !== fleet.epoch) return "ask-again";
  // Deltas are batched, so a tick may be a little ahead of them; two seconds later the last of them has arrived or is lost.
  if (previous && previous.epoch === tick.epoch && fleet.revision < previous.revision) return "ask-again";
  return "merged";
}

function applyDetail(queryClient: QueryClient, message: Payload<"vm:changed">): Applied {
  const known = queryClient.getQueryData<VmDetail>(keys.vm(message.vm.vmId));
  // What an earlier hub said is older, whatever its revision: each hub counts from its own start.
  if (known?.epoch === message.epoch && known.changedAtRevision > message.vm.changedAtRevision) return "ignored";
  queryClient.setQueryData<VmDetail>(keys.vm(message.vm.vmId), { ...message.vm, epoch: message.epoch });
  return "merged";
}

function applyEvents(queryClient: QueryClient, message: Payload<"vm:events">): Applied {
  const key = keys.vmEvents(message.vmId);
  const known = queryClient.getQueryData<VmEvent[]>(key);
  // The list is fetched when its page opens; what happens before that is in what is fetched.
  if (!known) return "ignored";
  queryClient.setQueryData<VmEvent[]>(key, mergeEvents(known, message.events));
  return "merged";
}

/** Events that were fetched while others arrived: none that is newer is lost again, and what is older leaves no gap. */
export function mergeFetchedEvents(known: VmEvent[] | undefined, fetched: VmEvent[]): VmEvent[] {
  const oldest = fetched.at(-1)?.eventId ?? 0;
  return mergeEvents(
    (known ?? []).filter((event) => event.eventId >= oldest),
    fetched,
  );
}

/** Acts that were fetched while others changed: what is final stays so, and none that began meanwhile is lost. */
export function mergeFetchedActs(known: ActRecord[] | undefined, fetched: ActRecord[]): ActRecord[] {
  const newestAtMs = fetched[0]?.createdAtMs ?? 0;
  const isFetched = new Set(fetched.map((act) => act.actId));
  const begun = (known ?? []).filter((act) => !isFetched.has(act.actId) && act.createdAtMs >= newestAtMs);
  return [
    ...begun,
    ...fetched.map((act) =>
      laterAct(
        known?.find((other) => other.actId === act.actId),
        act,
      ),
    ),
  ];
}

/** Newest first, each event once; of two copies the one with the larger count is the later. */
export function mergeEvents(known: VmEvent[], arrived: VmEvent[]): VmEvent[] {
  const byId = new Map(known.map((event) => [event.eventId, event]));
  for (const event of arrived) if (event.count >= (byId.get(event.eventId)?.count ?? 0)) byId.set(event.eventId, event);
  return [...byId.values()].toSorted((left, right) => right.eventId - left.eventId).slice(0, KEPT_EVENTS);
}

function applyAct(queryClient: QueryClient, act: ActRecord): Applied {
  queryClient.setQueryData<ActRecord>(keys.act(act.actId), (known) => laterAct(known, act));
  for (const vmId of new Set(act.targets.map((target) => target.vmId))) {
    queryClient.setQueryData<ActRecord[]>(keys.vmActs(vmId), (known) => (known ? mergeAct(known, act) : undefined));
  }
  if (act.incidentId !== undefined) {
    queryClient.setQueryData<IncidentDetail>(
      keys.incident(act.incidentId),
      (known) => known && { ...known, acts: mergeAct(known.acts, act) },
    );
  }
  return "merged";
}

/** A final act stays final: an answer that was on its way when the verdict arrived must not undo it. */
export function laterAct(known: ActRecord | undefined, arrived: ActRecord): ActRecord {
  return known && isFinal(known) && !isFinal(arrived) ? known : arrived;
}

function mergeAct(known: ActRecord[], act: ActRecord): ActRecord[] {
  const others = known.filter((other) => other.actId !== act.actId);
  const same = known.find((other) => other.actId === act.actId);
  return [laterAct(same, act), ...others].toSorted((left, right) => right.createdAtMs - left.createdAtMs);
}

function isFinal(act: ActRecord): boolean {
  return act.targets.every((target) => target.isFinal);
}

/**
 * The list takes the newer state as it is; a page that shows an older one asks for its members and timeline by itself, and
 * not once per message: two hundred VMs that join within a second are two hundred messages.
 */
function applyIncident(queryClient: QueryClient, { incident }: Payload<"incident:changed">): Applied {
  const list = queryClient.getQueryData<IncidentList>(keys.incidentList);
  if (!list) return "ignored";
  const known = list.incidents.find((other) => other.incidentId === incident.incidentId);
  if (known && known.revision > incident.revision) return "ignored";
  const incidents = known ? list.incidents.map((other) => (other === known ? incident : other)) : [incident, ...list.incidents];
  queryClient.setQueryData<IncidentList>(keys.incidentList, { ...list, incidents });
  return "merged";
}
