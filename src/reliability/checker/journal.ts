import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';

/** A file of JSON lines that only grows. */
export interface Journal<L> {
  /** What was in it when it was opened. */
  lines: L[];
  /** Resolves when the line is synced to the disk. Lines that come together share one sync. */
  append(line: L): Promise<void>;
  close(): Promise<void>;
}

/** Opens it, and makes it where it is not there. A last line that was torn by a crash is dropped: nobody was told of it. */
export async function openJournal<L>(file: string): Promise<Journal<L>> {
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, 'a');
  const bytes = await readFile(file);
  const whole = bytes.lastIndexOf('\n') + 1;
  if (whole < bytes.length) await truncate(file, whole);
  const text = bytes.subarray(0, whole).toString('utf8');
  const lines = text.split('\n').filter(Boolean);

  let waiting: string[] = [];
  let next: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await last;
    const batch = waiting.join('');
    waiting = [];
    next = undefined;
    last = handle.write(batch).then(() => handle.datasync());
    await last;
  };
  return {
    lines: lines.map((line) => JSON.parse(line) as L),
    append(line) {
      waiting.push(`${JSON.stringify(line)}\n`);
      return (next ??= flush());
    },
    async close() {
      await next;
      await last;
      await handle.close();
    },
  };
}
