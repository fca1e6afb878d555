import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const TAIL_LINES = 15;

export interface ServerLog {
  /** For the child's output. A file and not a pipe: a Go program dies when it writes to a pipe that nobody reads. */
  fd: number;
  /** Whether this start has printed `text`. */
  says(text: string): Promise<boolean>;
  /** The last lines of this start under a heading, for an error message; empty if it printed nothing. */
  tail(): Promise<string>;
  /** Gives the file back; without a `logFile` it is deleted, and what the server still prints goes nowhere. */
  close(): Promise<void>;
}

/** Opens the file that a server's output is appended to; without `logFile` one that lives until `close`. */
export async function openServerLog(logFile?: string): Promise<ServerLog> {
  const folder = logFile === undefined ? await mkdtemp(join(tmpdir(), 'handoff-server-')) : undefined;
  const path = logFile ?? join(folder!, 'server.log');
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a');
  const from = (await file.stat()).size;
  const printed = async () => (await readFile(path)).subarray(from).toString();
  return {
    fd: file.fd,
    says: async (text) => (await printed()).includes(text),
    tail: async () => {
      // A Go panic ends in a stack of some hundred lines; what went wrong stands before it.
      const lines = (await printed())
        .split(/^goroutine \d+ /m)[0]!
        .trim()
        .split('\n')
        .slice(-TAIL_LINES);
      const text = lines.map((line) => `  ${line}`).join('\n');
      return text.trim() === '' ? ' It printed nothing.' : ` Its last lines:\n${text}`;
    },
    close: async () => {
      await file.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
