/** `GET /api/v1/settings`: what this hub runs by. Holds no secret: tokens stand in files, and only their paths are here. */
export interface SettingsView {
  version: string;
  /** Which build of the web app it serves; absent where it serves none. */
  build?: string;
  startedAtMs: number;
  /** The file that was read at the start; absent: none was found, and the defaults hold. */
  file?: string;
  dataDir: string;
  /** Every key with the value that holds, as YAML. */
  yaml: string;
}
