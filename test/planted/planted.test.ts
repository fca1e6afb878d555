import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** `npm run planted -- --check` of a tree; to plant them all takes many minutes, and is no test of every day. */
function check(root: string): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/planted.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

test('every planted bug still applies, and names tests that are there', () => {
  const { status, said } = check(ROOT);
  expect({ status, said }).toMatchObject({ status: 0 });
  expect(Number(/^\d+/.exec(said)?.[0])).toBeGreaterThanOrEqual(25);
});

test('one that has lost its place or its tests is told, also where there is no repository', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'handoff-planted-test-'));
  try {
    mkdirSync(path.join(root, 'test', 'planted'), { recursive: true });
    cpSync(path.join(ROOT, 'scripts', 'planted.mjs'), path.join(root, 'scripts', 'planted.mjs'));
    const name = readdirSync(path.join(ROOT, 'test', 'planted')).find((f) => f.endsWith('.patch'))!;
    cpSync(path.join(ROOT, 'test', 'planted', name), path.join(root, 'test', 'planted', name));
    writeFileSync(path.join(root, 'test', 'planted', '99-empty.patch'), 'Bug: none\n');
    const { status, said } = check(root);
    expect(status).toBe(1);
    expect(said).toContain(`${String(name)}: it does not apply`);
    expect(said).toContain(`${String(name)}: there is no test/`);
    expect(said).toContain('99-empty.patch: it does not say `Tests:`');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
