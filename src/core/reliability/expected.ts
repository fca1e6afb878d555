/** A file as a receiver sees it: what it holds (hex SHA-256) and its permissions. */
export interface SeenFile {
  sha256: string;
  /** Permission bits, as in `0o644`; absent where it does not matter. */
  mode?: number;
}

/** What a handoff is to do to its receivers, told to the checker before it starts. */
export interface ExpectedHandoff {
  handoff: string;
  session: string;
  procedure: string;
  /** What is at each place once it has completed. Paths are absolute, or start from the checker's root. */
  files: (SeenFile & { path: string })[];
  /** What was there before, `sha256: null` for nothing. What is not named here the checker looks at itself. */
  before?: { path: string; sha256: string | null; mode?: number }[];
  /** Deliveries to the checker, each as `<step>/<effect>`. */
  calls: string[];
}
