import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { transferArtifacts } from '../../src/activities/transfer-artifacts.js';
import { forgetStates } from '../../src/storage/transfer/hash-states.js';
import { Corner } from './corner.js';
import { look } from './trees.js';

const LARGE = 64 << 20;
let corner: Corner;
let id: string;
let large: Buffer;
beforeAll(async () => {
  corner = await Corner.open();
  large = randomBytes(LARGE);
});
afterAll(() => corner.close());
beforeEach(() => {
  id = corner.newId();
});

const artifact = (): { name: string; path: string }[] => [{ name: 'thing', path: id }];
const writeTree = (): void => {
  mkdirSync(corner.in(id));
  for (let n = 0; n < 700; n++) writeFileSync(corner.in(id, `f${n}`), `${n}`.repeat(2000));
};
/** An attempt that is stopped once so many bytes are done. */
async function stopAt(bytes: number, own = corner): Promise<void> {
  const stop = new AbortController();
  const progress = (d: Record<string, unknown>): void => void (Number(d['bytesDone']) >= bytes && stop.abort());
  await expect(own.bring(id, artifact(), { phase: id, progress, signal: stop.signal })).rejects.toThrow(
    'asked to stop',
  );
}
const staged = (): string => {
  const handoff = path.join(corner.storage.stagingFolder, id);
  return path.join(handoff, readdirSync(handoff)[0]!);
};
const arrivedWhole = (): boolean => readFileSync(corner.out(id, 'thing')).equals(large);

describe('an attempt goes on where the one before stopped', () => {
  test('in a large file', async () => {
    writeFileSync(corner.in(id), large);
    await stopAt(20 << 20);
    const had = statSync(path.join(staged(), 'it')).size;
    expect(had).toBeGreaterThanOrEqual(20 << 20);
    const facts = await corner.bring(id, artifact(), { phase: id });
    expect(facts).toEqual({ artifacts: 1, bytes: LARGE, copied: LARGE - had, resumed: had });
    expect(arrivedWhole()).toBe(true);
  });

  test('in another process, which has to read it again', async () => {
    writeFileSync(corner.in(id), large);
    await stopAt(20 << 20);
    const had = statSync(path.join(staged(), 'it')).size;
    // The state of a hash is of this process only: without it, all that is staged is read.
    const journal = readFileSync(path.join(staged(), 'journal'), 'utf8');
    expect(journal).toContain('"begun"');
    forgetStates();
    const facts = await corner.bring(id, artifact(), { phase: id });
    expect(facts).toMatchObject({ copied: LARGE - had, resumed: had });
    expect(arrivedWhole()).toBe(true);
  });

  test('in a folder, with a last line that a kill has torn', async () => {
    writeTree();
    await stopAt(1 << 20);
    appendFileSync(path.join(staged(), 'journal'), '["done","f9","to');
    writeFileSync(path.join(staged(), 'it', 'not in the source'), 'x');
    const facts = await corner.bring(id, artifact(), { phase: id });
    expect(Number(facts['resumed'])).toBeGreaterThan(500_000);
    expect(look(corner.out(id, 'thing'))).toEqual(look(corner.in(id)));
  });

  test.each<[string, () => void]>([
    ['its source is another now', () => writeFileSync(corner.in(id), (large = randomBytes(LARGE)))],
    ['its source was only touched', () => utimesSync(corner.in(id), 1, 1)],
    ['what was staged is gone', () => rmSync(path.join(staged(), 'it'))],
    ['the journal is gone', () => rmSync(path.join(staged(), 'journal'))],
    [
      'the journal is of another start of the machine',
      () => {
        const file = path.join(staged(), 'journal');
        writeFileSync(file, readFileSync(file, 'utf8').replace(/"head","[^"]*"/, '"head","before"'));
      },
    ],
  ])('but anew where %s', async (_, act) => {
    writeFileSync(corner.in(id), large);
    await stopAt(20 << 20);
    act();
    const facts = await corner.bring(id, artifact(), { phase: id });
    expect(facts).toEqual({ artifacts: 1, bytes: LARGE });
    expect(arrivedWhole()).toBe(true);
  });

  test('a staged file of a folder that is not as the journal has it is copied again', async () => {
    writeTree();
    await stopAt(1 << 20);
    const [, done] = /\["done","(f\d+)"/.exec(readFileSync(path.join(staged(), 'journal'), 'utf8'))!;
    writeFileSync(path.join(staged(), 'it', done!), 'tampered');
    await corner.bring(id, artifact(), { phase: id });
    expect(look(corner.out(id, 'thing'))).toEqual(look(corner.in(id)));
  });

  test('where power may fail, only as far as it is known to be on disk', async () => {
    const own = await Corner.open({
      durability: 'power',
      sources: [corner.in()],
      folder: path.join(corner.folder, 'power'),
    });
    const whole = Buffer.concat([large, large, large]);
    writeFileSync(corner.in(id), whole);
    await stopAt(80 << 20, own);
    const handoff = path.join(own.storage.stagingFolder, id);
    const slot = path.join(handoff, readdirSync(handoff)[0]!);
    const journal = readFileSync(path.join(slot, 'journal'), 'utf8');
    const synced = Number(
      journal
        .match(/\["synced",".",(\d+)\]/g)!
        .at(-1)!
        .match(/\d+/)![0],
    );
    // What was not synced may be anything after a power failure.
    const { size } = statSync(path.join(slot, 'it'));
    truncateSync(path.join(slot, 'it'), synced);
    truncateSync(path.join(slot, 'it'), size);
    const facts = await own.bring(id, artifact(), { phase: id });
    expect(facts).toEqual({ artifacts: 1, bytes: whole.length, copied: whole.length - synced, resumed: synced });
    expect(readFileSync(own.out(id, 'thing')).equals(whole)).toBe(true);
    await own.close();
  });

  test('it ends by itself when its time is nearly over, and has done something by then', async () => {
    writeFileSync(corner.in(id), large);
    const slices: unknown[] = [];
    for (let facts: Record<string, unknown> = { goesOn: true }; facts['goesOn'];) {
      facts = await corner.bring(id, artifact(), { phase: id, stopBy: Date.now() });
      slices.push(facts['goesOn'] ? { ...facts, bytesDone: 'some' } : 'over');
    }
    expect(slices.pop()).toBe('over');
    expect(slices).toEqual(slices.map(() => ({ goesOn: true, attempts: 0, bytesDone: 'some' })));
    expect(slices.length).toBeGreaterThan(2);
    expect(arrivedWhole()).toBe(true);
  });
});

test('two attempts at the same transfer: the second waits, and it is made once', async () => {
  writeFileSync(corner.in(id), large);
  const both = [corner.bring(id, artifact(), { phase: id }), corner.bring(id, artifact(), { phase: id })];
  const facts = await Promise.all(both);
  expect(facts.map((f) => f['bytes'])).toEqual([LARGE, LARGE]);
  expect(facts.filter((f) => 'resumed' in f)).toEqual([]);
  expect(arrivedWhole()).toBe(true);
  expect(await corner.storage.ledger.list(id)).toMatchObject([{ status: 'applied' }]);
});

test('an attempt that hung finds that another has taken over, and stops', async () => {
  writeFileSync(corner.in(id), large);
  const { db } = corner.storage;
  let took = false;
  const progress = (): void => {
    if (took) return;
    took = true;
    // As where this one was stopped for so long that its claim was over.
    void db.updateTable('effects').set({ owner: 'another' }).where('handoff', '=', id).execute();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1100);
  };
  await expect(corner.bring(id, artifact(), { phase: id, progress })).rejects.toMatchObject({
    code: 'ACTION_FAILED',
    message: expect.stringContaining('another attempt has taken over') as unknown,
  });
  expect(existsSync(corner.out(id, 'thing'))).toBe(false);
});

test('several at once do each other no harm', async () => {
  writeTree();
  const many = Array.from({ length: 8 }, (_, n) => `${id}-${n}`);
  await Promise.all(many.map((one) => corner.bring(one, artifact(), { phase: one })));
  const sent = look(corner.in(id));
  for (const one of many) expect(look(corner.out(one, 'thing'))).toEqual(sent);
  await Promise.all(many.map((one) => corner.takeBack(one)));
  for (const one of many) expect(existsSync(corner.out(one))).toBe(false);
});

test('what has arrived needs its source no more; what has not does', async () => {
  writeFileSync(corner.in(id), 'one');
  const first = { name: 'thing', path: id };
  await corner.bring(id, [first], { phase: id });
  rmSync(corner.in(id));
  expect(await corner.bring(id, [first], { phase: id })).toMatchObject({ artifacts: 1, bytes: 3 });
  expect(readFileSync(corner.out(id, 'thing'), 'utf8')).toBe('one');
  const other = { name: 'other', path: id };
  await expect(corner.bring(id, [first, other], { phase: id })).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
});

test('what was made from an artifact arrives in its place, its origin on record', async () => {
  writeFileSync(corner.in(id), 'a,b\n1,2\n', { mode: 0o755 });
  const arrivals: Record<string, unknown>[] = [];
  const { storage } = corner;
  const manifest = { arrived: (_: unknown, a: object) => Promise.resolve(void arrivals.push({ ...a })) };
  const task = await corner.task(id, [], id);
  const context = {
    task,
    content: { artifacts: [], context: {}, metadata: {} },
    storage: { ...storage, manifest: manifest as unknown as typeof storage.manifest },
    signal: new AbortController().signal,
    progress: () => {},
    stopBy: Infinity,
    effect: () => Promise.reject(new Error('not here')),
  };
  const spec = { name: 'thing.json', path: id, format: 'csv', transformTo: 'json' };
  await transferArtifacts(context, corner.deps, { artifacts: [spec], source: { phase: '1' }, target: { phase: id } });
  const content = readFileSync(corner.out(id, 'thing.json'), 'utf8');
  expect(JSON.parse(content)).toEqual([{ a: '1', b: '2' }]);
  const sum = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
  expect(look(corner.out(id, 'thing.json'))).toEqual({ kind: 'file', mode: 0o644, content });
  expect(arrivals).toEqual([
    {
      key: `${id}/bring/1/thing.json`,
      handoff: id,
      session: id,
      name: 'thing.json',
      kind: 'file',
      source: { phase: '1' },
      target: { phase: id },
      originalPath: corner.in(id),
      originalSha256: sum('a,b\n1,2\n'),
      originalSize: 8,
      path: corner.out(id, 'thing.json'),
      sha256: sum(content),
      mode: 0o644,
      size: content.length,
      files: 1,
      format: 'json',
      transformer: 'csv_to_json',
    },
  ]);
});
