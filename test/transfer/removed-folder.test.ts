import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LedElsewhere, anchor } from '../../src/storage/transfer/anchor.js';
import { rawOf } from '../../src/storage/transfer/raw.js';

/** A folder of its own, held open. `by` opens it once more even when its name is gone, as who was faster has it. */
function held(): { folder: string; by: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'handoff-removed-'));
  const fd = openSync(folder, 'r');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, by: `/proc/self/fd/${fd}/.` };
}

// Elsewhere a removed folder cannot be opened again, and no more be looked at in that moment.
describe.runIf(process.platform === 'linux')('a folder that is held open by its path', () => {
  test('a folder that is removed between its opening and the look at its path is not there: nothing led elsewhere', () => {
    const { folder, by } = held();
    anchor(rawOf(folder), by).close();
    rmdirSync(folder);
    expect(() => anchor(rawOf(folder), by)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    // Made again meanwhile, it is another folder than the one that was opened.
    mkdirSync(folder);
    expect(() => anchor(rawOf(folder), by)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test('a folder that is there, and not where it was looked for, led elsewhere', () => {
    const { folder, by } = held();
    expect(() => anchor(rawOf(`${folder}-other`), by)).toThrow(LedElsewhere);
  });
});
