import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createRef } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Effect, Plan } from "#lib/yank/plan";
import { ApiError } from "../queries/api.ts";
import { LiveProvider } from "../realtime/live-clock.tsx";
import { planOf } from "../testing/fixtures.ts";
import { PlanView } from "./plan-view.tsx";
import type { PlanViewProps } from "./plan-view.tsx";

beforeEach(() => {
  // User events wait for timers of their own; those have to go on.
  vi.useFakeTimers({ shouldAdvanceTime: true });
});
afterEach(() => {
  vi.useRealTimers();
});

function show(plan: Plan, part: Partial<PlanViewProps> = {}) {
  const props: PlanViewProps = {
    plan,
    isConfirming: false,
    error: null,
    cannotSend: undefined,
    cancelRef: createRef(),
    onConfirm: vi.fn<PlanViewProps["onConfirm"]>(),
    onSofter: vi.fn<PlanViewProps["onSofter"]>(),
    onAskAgain: vi.fn<PlanViewProps["onAskAgain"]>(),
    onCancel: vi.fn<PlanViewProps["onCancel"]>(),
    ...part,
  };
  const draw = (more: Partial<PlanViewProps> = {}) => (
    <LiveProvider renderedAtMs={0}>
      <PlanView {...props} {...more} />
    </LiveProvider>
  );
  const { rerender } = render(draw());
  return {
    props,
    redraw: (more: Partial<PlanViewProps>) => rerender(draw(more)),
    user: userEvent.setup({ advanceTimers: vi.advanceTimersByTime.bind(vi) }),
  };
}

const confirmButton = () => screen.getByRole("button", { name: "Yank nbd0" });
function pass(ms: number): void {
  act(() => {
    vi.advanceTimersByTime(ms);
  });
}

const named = planOf({ confirmation: { kind: "type-name", name: "db-7" } });

describe("arming", () => {
  test("the focus is on Cancel, so that Enter harms nothing", async () => {
    const { props, user } = show(planOf({}));
    expect(screen.getByRole("button", { name: "Cancel" })).toBe(document.activeElement);
    pass(1_000);
    await user.keyboard("{Enter}");
    expect(props.onCancel).toHaveBeenCalledOnce();
    expect(props.onConfirm).not.toHaveBeenCalled();
  });

  test("a plan that has just appeared cannot be confirmed by the second click of a double click", () => {
    show(planOf({}));
    expect(confirmButton()).toHaveProperty("disabled", true);
    pass(600);
    expect(confirmButton()).toHaveProperty("disabled", false);
  });

  test("stays disarmed until the name is typed exactly, and says it with the act", async () => {
    const { props, user } = show(named);
    pass(600);
    await user.type(screen.getByLabelText("Type db-7 to arm"), "db-");
    expect(confirmButton()).toHaveProperty("disabled", true);
    await user.type(screen.getByLabelText("Type db-7 to arm"), "7");
    await user.type(screen.getByLabelText(/Reason/), " INC-1 ");
    await user.click(confirmButton());
    expect(props.onConfirm).toHaveBeenCalledExactlyOnceWith({ typedName: "db-7", reason: "INC-1" });
  });

  test("the name may be pasted", async () => {
    const { user } = show(named);
    pass(600);
    await user.click(screen.getByLabelText("Type db-7 to arm"));
    await user.paste("db-7");
    expect(confirmButton()).toHaveProperty("disabled", false);
  });

  test("Enter in a field does not confirm", async () => {
    const { props, user } = show(named);
    pass(600);
    await user.type(screen.getByLabelText("Type db-7 to arm"), "db-7{Enter}");
    await user.type(screen.getByLabelText(/Reason/), "why{Enter}");
    expect(props.onConfirm).not.toHaveBeenCalled();
  });

  test("without a live connection it says why and sends nothing, then or later", async () => {
    const { props, redraw, user } = show(planOf({}), { cannotSend: "This browser is offline" });
    pass(600);
    await user.click(confirmButton());
    expect(screen.getByText("This browser is offline")).toBeTruthy();
    redraw({ cannotSend: undefined });
    pass(10_000);
    expect(props.onConfirm).not.toHaveBeenCalled();
  });
});

describe("firing", () => {
  test("a double click fires once", async () => {
    const { props, user } = show(planOf({}));
    pass(600);
    await user.dblClick(confirmButton());
    expect(props.onConfirm).toHaveBeenCalledOnce();
  });

  test("a refused attempt can be made again by hand, and only by hand", async () => {
    const { props, redraw, user } = show(planOf({}));
    pass(600);
    await user.click(confirmButton());
    redraw({ error: new ApiError("Another act is under way", { status: 409 }) });
    expect(screen.getByRole("alert").textContent).toContain("Another act is under way. Nothing was sent by this click.");
    expect(props.onConfirm).toHaveBeenCalledOnce();
    await user.click(confirmButton());
    expect(props.onConfirm).toHaveBeenCalledTimes(2);
  });

  test("an answer that never came is not taken for a refusal", () => {
    const { redraw } = show(planOf({}));
    redraw({ error: new ApiError("The hub did not answer") });
    expect(screen.getByRole("alert").textContent).toContain("may or may not have been done");
  });
});

describe("a plan that does not hold any more", () => {
  test("expires after its minute, says so and offers a new one", async () => {
    const { props, user } = show(planOf({ expiresAtMs: 60_000 }));
    pass(60_500);
    expect(screen.queryByRole("button", { name: "Yank nbd0" })).toBeNull();
    expect(screen.getByRole("alert").textContent).toContain("older than a minute");
    await user.click(screen.getByRole("button", { name: "Make a new plan" }));
    expect(props.onAskAgain).toHaveBeenCalledOnce();
  });

  test("says what changed when the hub found it void", () => {
    const detail = "The plan no longer holds: the verdict was main-loop-hung and is healthy now";
    const problem = { type: "about:blank", title: "Plan void", status: 409, code: "plan-void", detail } as const;
    show(planOf({}), { error: new ApiError(detail, { status: 409, problem }) });
    expect(screen.getByRole("alert").textContent).toBe(`${detail}. Nothing was sent.`);
    expect(screen.queryByRole("button", { name: "Yank nbd0" })).toBeNull();
  });
});

describe("where the guest's state is at stake on two hosts", () => {
  const acknowledge = "I know that the source must never be started again";
  const gravest = planOf({ confirmation: { kind: "type-name", name: "db-7", acknowledge } });

  test("the name is not enough: the sentence has to be ticked as well, and goes with the act", async () => {
    const { props, user } = show(gravest);
    pass(600);
    await user.type(screen.getByLabelText("Type db-7 to arm"), "db-7");
    expect(confirmButton()).toHaveProperty("disabled", true);
    await user.click(screen.getByLabelText(acknowledge));
    await user.click(confirmButton());
    expect(props.onConfirm).toHaveBeenCalledExactlyOnceWith({ typedName: "db-7", acknowledged: true, reason: undefined });
  });
});

test("of several VMs it sums up what does not come back, the worst first, and names each", () => {
  const [first] = planOf({}).targets;
  const back: Effect = { sentence: "Serial console ser0 drops its client and listens again.", details: [], reversibility: "comes-back" };
  const targets = [
    { ...first!, vmId: "a", vmName: "db-7" },
    { ...first!, vmId: "b", vmName: "db-8", effects: [back], reversibility: back.reversibility },
  ];
  show(planOf({ verb: "Yank", targets, confirmation: { kind: "type-name", name: "2 VMs" } }));
  const sums = screen.getAllByText(/^On 1 VM/).map((line) => line.textContent);
  expect(sums).toEqual(["On 1 VM, what is cut never comes back in this QEMU process.", "On 1 VM, what is cut comes back by itself."]);
  const list = screen.getByRole("list", { name: "What happens on each VM" });
  expect(list.textContent).toContain("db-7");
  expect(list.textContent).toContain("db-8");
});

test("offers the softer option first, and makes its plan", async () => {
  const { props, user } = show(
    planOf({ softer: [{ code: "cancel-migration", text: "Cancel the migration", action: "cancel-migration" }] }),
  );
  await user.click(screen.getByRole("button", { name: "Cancel migration instead…" }));
  expect(props.onSofter).toHaveBeenCalledExactlyOnceWith("cancel-migration");
});

test("shows the exact command", () => {
  show(planOf({}));
  expect(screen.getByText(/"exec-oob": "yank", "arguments"/).textContent).toContain('"node-name": "nbd0"');
});
