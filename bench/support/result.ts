/** One line of a benchmark's table. `ratio` is to the floor measured in the same run, where there is one. */
export interface Measurement {
  name: string;
  /** What was measured, with its unit: "0.41 ms", "0.19 core". */
  measured: string;
  floor?: string;
  ratio?: number;
  /** The aim in words, and whether this run met it. */
  aim: string;
  isMet: boolean | undefined;
}

export interface BenchResult {
  bench: string;
  about: string;
  measurements: Measurement[];
  /** What a reader must know to judge it: sample counts, versions. */
  notes: string[];
}

export interface BenchOptions {
  /** Fewer rounds and smaller fleets: to see that it runs, not to quote. */
  isQuick: boolean;
  log: (line: string) => void;
}

export interface Bench {
  name: string;
  about: string;
  /** Undefined when it can run here; else the reason why not. */
  cannotRun?: () => string | undefined;
  run: (options: BenchOptions) => Promise<BenchResult>;
}

/** The table as Markdown, so that it can stand in docs/performance.md as it is. */
export function renderTable(result: BenchResult): string {
  const rows = result.measurements.map((m) => [
    m.name,
    m.measured,
    m.floor ?? "",
    m.ratio === undefined ? "" : m.ratio.toFixed(2),
    m.aim,
    m.isMet === undefined ? "" : m.isMet ? "yes" : "**no**",
  ]);
  const table = [["what", "measured", "floor", "ratio", "aim", "met"], ["---", "---", "---", "---", "---", "---"], ...rows];
  return [
    `### ${result.bench}`,
    "",
    result.about,
    "",
    ...table.map((row) => `| ${row.join(" | ")} |`),
    "",
    ...result.notes.map((note) => `- ${note}`),
    "",
  ].join("\n");
}
