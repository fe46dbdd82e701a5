import { defineConfig } from "vitest/config";

/**
 * Four kinds of test, four needs: `unit` (with `unit-dom` for what renders) is pure and fast; `contract` starts a peer,
 * simulated or real, per file; `lab` starts and breaks real QEMUs and measures time, so its files run one after another;
 * `corpus` has one bridge judge many of them side by side.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{bench,lib,scripts,server,tests}/**/*.test.ts"],
          exclude: ["tests/contract/**"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "unit-dom",
          include: ["{app,components}/**/*.test.{ts,tsx}"],
          environment: "jsdom",
          setupFiles: ["tests/setup-dom.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "contract",
          include: ["tests/contract/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "lab",
          include: ["lab/**/*.test.ts"],
          exclude: ["lab/corpus/**"],
          testTimeout: 90_000,
          hookTimeout: 90_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "corpus",
          include: ["lab/corpus/**/*.test.ts"],
          testTimeout: 150_000,
          hookTimeout: 90_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
