const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 5;

/** Waits for a promise that a healthy peer settles soon. @throws Error naming what did not come. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} did not come within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until it is so: for facts that nobody announces, such as a process's state. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMonoMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > endMonoMs) throw new Error(`${what} did not become true within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
