import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HandoffError } from '../core/errors.js';
import type { ExpectedHandoff } from '../core/reliability/expected.js';
import type { CheckerReport, IterationOutcome } from '../core/reliability/report.js';

/** The process that sees effects from their receivers' side, and knows nothing of the engine's database. */
export interface Checker {
  /** Where deliveries go; for workers as `HANDOFF_CHECKER_URL`, or in a request's metadata as `checker`. */
  url: string;
  pid: number;
  /** Before the handoff is started. */
  expect(of: ExpectedHandoff): Promise<void>;
  /** When it is known what it came to. Told again, the last word counts: an incident may be repaired. */
  ended(handoff: string, outcome: IterationOutcome): Promise<void>;
  /** What is right and wrong by now; looks at all receivers again. */
  report(): Promise<CheckerReport>;
  /** Ends the process. Its file stays, and `startChecker` on the same folder goes on from it. */
  close(): Promise<void>;
}

/** The built file: a process of its own runs JavaScript, also where this runs from source. */
const MAIN = fileURLToPath(new URL('../../dist/reliability/checker/main.js', import.meta.url));

/** The module with the procedure RELIABILITY_CHECKED and its actions, for a worker's `--module`. */
export const CHECKED_MODULE = fileURLToPath(new URL('../../dist/reliability/checker/parts.js', import.meta.url));

/**
 * Starts it on a `folder` of its own; it ends with this process. Places are absolute, or start from `root`. Throws
 * INTERNAL where it cannot start.
 */
export async function startChecker({ folder, root }: { folder: string; root: string }): Promise<Checker> {
  const child = fork(MAIN, [folder, root], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = new Promise<string>((resolve) => child.once('message', (m) => resolve((m as { url: string }).url)));
  const url = await Promise.race([ready, gone.then(() => undefined)]);
  const failed = (why: string): HandoffError => new HandoffError('INTERNAL', { why: `the checker ${why}` });
  if (url === undefined) throw failed(`did not start: ${errors}`);

  async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(new URL(path, url), { method, ...(body ? { body: JSON.stringify(body) } : {}) }).catch(
      (error: Error) => {
        throw failed(`does not answer: ${error.message}`);
      },
    );
    const text = await answer.text();
    if (!answer.ok) throw failed(`refuses ${method} ${path}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  return {
    url,
    pid: child.pid!,
    async expect(of) {
      await ask('POST', '/expect', of);
    },
    async ended(handoff, outcome) {
      await ask('POST', '/ended', { handoff, outcome });
    },
    report: () => ask('GET', '/report') as Promise<CheckerReport>,
    async close() {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}
