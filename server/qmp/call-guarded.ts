/**
 * Calls somebody else's callback from a loop that others depend on. What it throws is a bug of its owner: it surfaces as
 * an uncaught exception of its own, and costs neither the rest of the stream nor any other client.
 */
export function callGuarded<T>(callback: (value: T) => void, value: T): void {
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
