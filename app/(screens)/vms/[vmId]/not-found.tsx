import Link from "next/link";
import { buttonClass } from "../../../../components/ui/button.tsx";
import { CONTENT_ID } from "../../../../components/shell/content-id.ts";

export default function VmNotFound() {
  return (
    <main
      id={CONTENT_ID}
      tabIndex={-1}
      className="mx-auto flex min-h-[60vh] max-w-120 flex-col items-center justify-center px-4 text-center"
    >
      <h1 className="text-lg font-semibold text-strong">No such VM</h1>
      <p className="mt-1 mb-4">
        The hub knows no VM by this address. One that ended stays readable for 24 hours; a VM at another monitor path or on another host has
        another address.
      </p>
      <Link href="/" className={buttonClass()}>
        To the fleet
      </Link>
    </main>
  );
}
