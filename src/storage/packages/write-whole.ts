import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../../core/errors.js';

/** Writes a file, so that after any crash there is what was there before, or all of it. Makes its folder. */
export async function writeWhole(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  const part = path.join(folder, `.${path.basename(file)}.${randomUUID()}.part`);
  try {
    const handle = await open(part, 'wx', 0o600);
    try {
      // `writev` may write a part only; this does not return before all is written.
      for (const bytes of parts) await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    if ((cause as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new HandoffError('DISK_FULL', { path: file }, { cause });
    throw cause;
  }
}
