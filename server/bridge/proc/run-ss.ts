import { spawn } from "node:child_process";

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export type SsOutput = { readonly text: string } | { readonly unread: "no-ss" | "ss-failed" | "time-out" };

/**
 * Runs `ss` of iproute2 once, which asks the kernel by sock_diag and touches no connection. Never with `-p`, which looks
 * through every process of the host. Killed when it takes too long.
 */
export async function runSs(args: readonly string[], timeoutMs: number, program = "ss"): Promise<SsOutput> {
  return await new Promise((resolve) => {
    // Debian keeps it in a folder that a service's PATH may lack.
    const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, PATH: path, LC_ALL: "C" } });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
      // It may hang in the kernel: nobody waits for its end.
      resolve({ unread: "time-out" });
    }, timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT_BYTES) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ unread: error.code === "ENOENT" ? "no-ss" : "ss-failed" });
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      if (!isLate) resolve(code === 0 ? { text: Buffer.concat(chunks).toString("utf8") } : { unread: "ss-failed" });
    });
  });
}
