import { render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SignIn } from "./sign-in.tsx";

function answerWith(status: number, body: unknown) {
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    sent.push(JSON.parse(typeof init.body === "string" ? init.body : "null"));
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { "content-type": "application/problem+json" } }));
  });
  return sent;
}

const refusal = { type: "about:blank", title: "Not signed in", status: 401, code: "not-signed-in", detail: "This is not the access token" };

afterEach(() => {
  vi.unstubAllGlobals();
  history.replaceState(null, "", "/login");
});

describe("signing in", () => {
  it("takes the token out of the address bar and says why it was refused", async () => {
    history.replaceState(null, "", "/login#wrong-token");
    const sent = answerWith(401, refusal);
    render(<SignIn />);
    expect((await screen.findByRole("alert")).textContent).toBe("This is not the access token");
    expect(sent).toEqual([{ token: "wrong-token" }]);
    expect(location.hash).toBe("");
  });

  it("says where the URL is when there is no token, and takes one that is pasted later", async () => {
    history.replaceState(null, "", "/login");
    const sent = answerWith(401, refusal);
    render(<SignIn />);
    expect(await screen.findByText(/Open the URL that Ripcord printed/)).toBeDefined();
    location.hash = "#pasted";
    await waitFor(() => expect(sent).toEqual([{ token: "pasted" }]));
  });

  it("survives a fragment that is no text", async () => {
    history.replaceState(null, "", "/login#%zz");
    answerWith(401, refusal);
    render(<SignIn />);
    expect(await screen.findByRole("alert")).toBeDefined();
  });
});
