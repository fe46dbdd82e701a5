"use client";
import { useEffect, useRef, useState } from "react";
import { ApiError, apiPost } from "../queries/api.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Logo } from "../ui/logo.tsx";

type State = { step: "looking" } | { step: "signing-in" } | { step: "no-token" } | { step: "refused"; detail: string };

/**
 * Turns the token of the printed URL into a cookie. The token stands in the fragment, which no browser sends to a server
 * and no log sees; it is taken out of the address bar before anything else.
 */
export function SignIn() {
  const [state, setState] = useState<State>({ step: "looking" });
  const [typed, setTyped] = useState("");
  const hasStarted = useRef(false);
  useEffect(() => {
    // Development mode runs effects twice, and the second run would find the fragment gone.
    if (!hasStarted.current) {
      hasStarted.current = true;
      void start(setState);
    }
    // Pasting the printed URL while this page is open changes only its fragment, and loads nothing.
    const handleHashChange = () => void start(setState);
    window.addEventListener("hashchange", handleHashChange);
    return () => window.removeEventListener("hashchange", handleHashChange);
  }, []);
  return (
    <main className="mx-auto flex min-h-dvh max-w-110 flex-col justify-center px-5 py-10">
      <div className="mb-6 flex items-center gap-3">
        <Logo size={36} />
        <h1 className="text-xl font-semibold text-strong">Ripcord</h1>
      </div>
      {state.step === "looking" || state.step === "signing-in" ? (
        <p role="status">Signing in</p>
      ) : (
        <>
          {state.step === "refused" && (
            <p role="alert" className="mb-4 rounded-lg border border-line-strong px-4 py-3 font-semibold text-strong">
              {state.detail}
            </p>
          )}
          <p className="mb-2 text-strong">Open the URL that Ripcord printed when it started.</p>
          <p className="mb-6">
            It ends in <code className="font-mono text-xs">/login#…</code>. The same token is in the file{" "}
            <code className="font-mono text-xs">access-token</code> of Ripcord's data folder, readable only by its owner.
          </p>
          <form
            className="grid gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              if (typed.trim() !== "") void signIn(typed.trim(), setState);
            }}
          >
            <TextField label="Access token" value={typed} onChange={setTyped} type="password" isMono />
            <Button tone="primary" disabled={typed.trim() === ""} onClick={() => void signIn(typed.trim(), setState)}>
              Sign in
            </Button>
          </form>
        </>
      )}
    </main>
  );
}

/** `#token=abc`, or the bare token. */
function tokenFromHash(hash: string): string | undefined {
  const fragment = hash.replace(/^#/, "");
  const token = (new URLSearchParams(fragment).get("token") ?? fragment).trim();
  return token === "" ? undefined : token;
}

async function start(onState: (state: State) => void): Promise<void> {
  const token = tokenFromHash(location.hash);
  history.replaceState(null, "", location.pathname);
  if (token === undefined) onState({ step: "no-token" });
  else await signIn(token, onState);
}

async function signIn(token: string, onState: (state: State) => void): Promise<void> {
  onState({ step: "signing-in" });
  try {
    await apiPost("/session", { token });
    // A full load: everything from here on is asked with the new cookie.
    location.replace("/");
  } catch (error) {
    onState({ step: "refused", detail: error instanceof ApiError ? error.message : "The hub could not be asked" });
  }
}
