import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import { parseRequest } from '../../src/core/request-schema.js';
import { Corner } from './corner.js';
import { TRAVERSAL_NAMES } from './traversal-names.js';

const SECRET = 'a secret from outside';
let corner: Corner;
beforeAll(async () => {
  corner = await Corner.open();
  const { folder } = corner;
  for (const at of ['', 'outside', 'etc', 'in/dir', 'in/a/b']) mkdirSync(path.join(folder, at), { recursive: true });
  for (const at of ['secret', 'outside/secret', 'etc/passwd']) writeFileSync(path.join(folder, at), SECRET);
  const link = (target: string, at: string): void => symlinkSync(target, corner.in(at));
  link(path.join(folder, 'outside'), 'link');
  link('..', 'up');
  link('../secret', 'file-link');
  link('../link', 'dir/link');
  link('link', 'chain');
  writeFileSync(corner.in('plain'), 'plain');
});
afterAll(() => corner.close());

/** All that is there outside the places that a transfer may write to: a later change or addition shows. */
function outside(): string {
  const hash = createHash('sha256');
  const visit = (at: string): void => {
    const shown = path.relative(corner.folder, at);
    if (/^data\/(artifacts|\.staging|\.undo|blobs|handoff\.db.*)$/.test(shown)) return;
    const s = lstatSync(at, { bigint: true });
    hash.update(`${shown} ${s.mode} ${s.ino}\0`);
    if (s.isSymbolicLink()) hash.update(readlinkSync(at));
    else if (s.isFile()) hash.update(readFileSync(at));
    else for (const name of readdirSync(at).toSorted()) visit(path.join(at, name));
  };
  visit(corner.folder);
  return hash.digest('hex');
}

/** What has arrived, wherever below the root, as text. */
function arrived(): string[] {
  const root = path.join(corner.storage.root, 'artifacts');
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => readFileSync(path.join(e.parentPath, e.name), 'utf8'));
}

const REFUSALS = new Set<string>([
  'PATH_NOT_ALLOWED',
  'ARTIFACT_MISSING',
  'ARTIFACT_NOT_A_FILE',
  'ARTIFACT_LINK_REFUSED',
  'DESTINATION_NOT_ALLOWED',
  'DESTINATION_NOT_WRITABLE',
  'ARTIFACT_HOLDS_STORAGE',
]);

/** Whether it arrived, or by which code it was refused. Nothing outside was read or written. */
async function tries(artifact: { name: string; path: string }): Promise<string> {
  const before = outside();
  const id = corner.newId();
  const result = await corner.bring(id, [artifact], { phase: id }).then(
    () => 'arrived',
    (error: unknown) => (error instanceof HandoffError ? error.code : String(error)),
  );
  expect(arrived().filter((text) => text.includes(SECRET))).toEqual([]);
  await corner.takeBack(id);
  expect(arrived()).toEqual([]);
  expect(outside()).toBe(before);
  return result;
}

test('there are at least 300 of them', () => {
  expect(TRAVERSAL_NAMES.length).toBeGreaterThanOrEqual(300);
});

test('as a path: refused, or something within the root', async () => {
  const results = new Map<string, string>();
  for (const name of TRAVERSAL_NAMES) results.set(name, await tries({ name: 'thing', path: name }));
  const odd = [...results].filter(([, r]) => r !== 'arrived' && !REFUSALS.has(r));
  expect(odd).toEqual([]);
  for (const name of ['link/secret', 'up/secret', 'file-link', '../secret', '/etc/passwd', 'chain/secret'])
    expect([name, results.get(name)]).toEqual([name, 'PATH_NOT_ALLOWED']);
}, 120_000);

/** Whether a request with this artifact name is taken; anything but INVALID_REQUEST is a fault of ours. */
function isTaken(name: string): boolean {
  const request = {
    procedure: 'ANY',
    source: { phase: 1 },
    target: { phase: 2 },
    artifacts: [{ name, path: 'plain' }],
  };
  try {
    parseRequest(request, 0, () => 'ho_1');
    return true;
  } catch (error) {
    if (error instanceof HandoffError && error.code === 'INVALID_REQUEST') return false;
    throw error;
  }
}

test('as a name: refused by the request and by the transfer itself, or one name in its folder', async () => {
  const taken = TRAVERSAL_NAMES.filter(isTaken);
  expect(taken.length).toBeGreaterThan(5);
  expect(taken.filter((name) => /[/\\\0]|^\.|\.\./.test(name))).toEqual([]);
  for (const name of TRAVERSAL_NAMES)
    expect([name, await tries({ name, path: 'plain' })]).toEqual([
      name,
      taken.includes(name) ? 'arrived' : 'INVALID_ID',
    ]);
}, 120_000);
