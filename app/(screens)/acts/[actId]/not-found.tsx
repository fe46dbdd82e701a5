import Link from "next/link";
import { buttonClass } from "../../../../components/ui/button.tsx";
import { CONTENT_ID } from "../../../../components/shell/content-id.ts";

export default function ActNotFound() {
  return (
    <main
      id={CONTENT_ID}
      tabIndex={-1}
      className="mx-auto flex min-h-[60vh] max-w-120 flex-col items-center justify-center px-4 text-center"
    >
      <h1 className="text-lg font-semibold text-strong">No such act</h1>
      <p className="mt-1 mb-4">The record holds no act by this address.</p>
      <Link href="/audit" className={buttonClass()}>
        To the audit
      </Link>
    </main>
  );
}
