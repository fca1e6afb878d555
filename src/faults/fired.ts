import { readFileSync } from 'node:fs';

/** A line of the log: which point, of which step, and what struck; `over` is the end of a delay or a pause. */
export interface Firing {
  point: string;
  step?: string;
  fault: string;
}

/** What stands in a log of failpoints, in its order; nothing where there is no file yet. */
export function firings(log: string): Firing[] {
  let text: string;
  try {
    text = readFileSync(log, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    const [, point, step, fault] = /^([^:=]+)(?::([^=]+))?=(.+)$/.exec(line) ?? [];
    if (!point || !fault) return [];
    return [{ point, ...(step === undefined ? {} : { step }), fault }];
  });
}
