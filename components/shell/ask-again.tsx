"use client";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { Button } from "../ui/button.tsx";

const ASK_AGAIN_EVERY_MS = 3_000;

/** Has the server draw the page again, by itself every few seconds and at once on a click. */
export function AskAgain() {
  const router = useRouter();
  useEffect(() => {
    const timer = setInterval(() => router.refresh(), ASK_AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, [router]);
  return <Button onClick={() => router.refresh()}>Ask again</Button>;
}
