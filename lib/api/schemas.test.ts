import { expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type { AuditState } from "../audit/chain-state.ts";
import type { AuditRow } from "../audit/events.ts";
import type { IncidentNote, IncidentSummary } from "../incident/incident.ts";
import type { ActRecord } from "../yank/act.ts";
import type { Plan } from "../yank/plan.ts";
import type { ActEvidenceView, IncidentDetail, IncidentList } from "./incident.ts";
import type { Problem } from "./problem.ts";
import type { actEvidenceSchema, actSchema, planSchema } from "./schemas-act.ts";
import type { auditRowSchema, auditStateSchema, problemSchema, settingsSchema } from "./schemas-hub.ts";
import type { incidentDetailSchema, incidentListSchema, incidentNoteSchema, incidentSummarySchema } from "./schemas-incident.ts";
import type { bridgeViewSchema, fleetSnapshotSchema, vmDetailSchema, vmEventSchema, vmSummarySchema } from "./schemas-vm.ts";
import type { SettingsView } from "./settings.ts";
import type { BridgeView, FleetSnapshot, VmDetail, VmEvent, VmSummary } from "./vm.ts";

/** With every member required, so that an optional one that only one side has shows too. */
type Whole<T> = T extends string | number | boolean | null | undefined
  ? T
  : unknown extends T
    ? T
    : T extends readonly (infer Item)[]
      ? Whole<Item>[]
      : { [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> };
type Both<A, B> = [A] extends [B] ? ([B] extends [A] ? true : "the interface has more") : "the schema has more";
type Same<A, B> = [Both<A, B>, Both<Whole<A>, Whole<B>>];

test("the schemas of the document say what the interfaces say, member by member", () => {
  expectTypeOf<Same<z.infer<typeof vmSummarySchema>, VmSummary>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof vmDetailSchema>, VmDetail>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof bridgeViewSchema>, BridgeView>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof fleetSnapshotSchema>, FleetSnapshot>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof vmEventSchema>, VmEvent>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof planSchema>, Plan>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof actSchema>, ActRecord>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof actEvidenceSchema>, ActEvidenceView>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof incidentSummarySchema>, IncidentSummary>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof incidentDetailSchema>, IncidentDetail>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof incidentListSchema>, IncidentList>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof incidentNoteSchema>, IncidentNote>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof settingsSchema>, SettingsView>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof problemSchema>, Problem>>().toEqualTypeOf<[true, true]>();
  expectTypeOf<Same<z.infer<typeof auditStateSchema>, AuditState>>().toEqualTypeOf<[true, true]>();
  // Stored events outlive the code that wrote them, so the document leaves them open.
  expectTypeOf<Same<Omit<z.infer<typeof auditRowSchema>, "event">, Omit<AuditRow, "event">>>().toEqualTypeOf<[true, true]>();
});
