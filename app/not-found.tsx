import Link from "next/link";
import { buttonClass } from "../components/ui/button.tsx";

export default function NotFound() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-120 flex-col items-center justify-center px-4 text-center">
      <h1 className="text-lg font-semibold text-strong">No such page</h1>
      <p className="mt-1 mb-4">Nothing is kept at this address.</p>
      <Link href="/" className={buttonClass()}>
        To the fleet
      </Link>
    </main>
  );
}
