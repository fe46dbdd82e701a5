/** One thing that is wrong with a config file. `line` and `column` count from 1. */
export interface ConfigProblem {
  /** Where: the key path, "listen.port"; empty for the file as a whole. */
  key: string;
  line?: number;
  column?: number;
  /** What was found and what was expected, for people. */
  text: string;
}

/** The config cannot be used; nothing was changed. Its message lists every problem, one per line, with file and place. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join("\n"));
    this.file = file;
    this.problems = problems;
  }
}

function formatProblem(file: string, problem: ConfigProblem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
  return `${place}: ${problem.key === "" ? "" : `${problem.key}: `}${problem.text}`;
}
