/** When the health reducer changes its mind. All are durations in ms. */
export interface Thresholds {
  slowAfterMs: number;
  hungAfterMs: number;
  oobSilentAfterMs: number;
  ioStallAfterMs: number;
  migrationStallAfterMs: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  slowAfterMs: 1_000,
  hungAfterMs: 5_000,
  oobSilentAfterMs: 2_000,
  ioStallAfterMs: 10_000,
  migrationStallAfterMs: 10_000,
};
