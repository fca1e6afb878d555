import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { treeDigest } from '../../src/storage/transfer/print.js';
import { FULL } from '../crash/case.js';
import { replayKept } from '../crash/replay.js';
import { Moving, expectArrived, expectUndone, makeLarge, makeMany } from './moving.js';

const MEGABYTES = FULL ? 1024 : 96;
const FILES = FULL ? 5000 : 600;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-kill-'));
  makeLarge(path.join(folder, 'large'), MEGABYTES);
  makeMany(path.join(folder, 'many'), FILES);
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await replayKept();
});

/** `resumes`: something was staged by then, and is not copied again. `all`: everything was. */
interface Point {
  at: string;
  resumes?: 'some' | 'all';
  /** Only where a folder takes the place of something. */
  occupied?: boolean;
}

/** What the last attempt found staged; undefined: it copied everything itself. */
function resumedAs(facts: Record<string, unknown>, bytes: number): Point['resumes'] {
  const { copied, resumed } = facts as { copied?: number; resumed?: number };
  if (!resumed) return undefined;
  if (copied! + resumed !== bytes) throw new Error(`${copied ?? 0} and ${resumed} are not ${bytes}`);
  return copied === 0 ? 'all' : 'some';
}

const FORWARD: Point[] = [
  { at: 'transfer.before_intent' },
  { at: 'transfer.after_intent' },
  { at: 'transfer.in_copy@2', resumes: 'some' },
  { at: 'transfer.in_copy@4', resumes: 'some' },
  { at: 'transfer.after_copy', resumes: 'all' },
  { at: 'transfer.after_stage', resumes: 'all' },
  { at: 'transfer.after_keep', resumes: 'all', occupied: true },
  { at: 'transfer.before_rename', resumes: 'all' },
  { at: 'transfer.after_rename' },
  { at: 'transfer.after_apply' },
];
const BACK = ['undo.before', 'undo.after_away', 'undo.after_restore', 'undo.after'];

/** What is there before: nothing, or a folder. */
function occupy(m: Moving, occupied: boolean): void {
  if (!occupied) return;
  mkdirSync(path.join(m.destination, 'old'), { recursive: true });
  writeFileSync(path.join(m.destination, 'old', 'file'), 'older', { mode: 0o600 });
}
const digestOf = async (m: Moving, occupied: boolean): Promise<string | undefined> =>
  occupied ? (await treeDigest(m.destination)).sha256 : undefined;

async function withMoving(shape: string, body: (m: Moving) => Promise<void>): Promise<void> {
  const m = await Moving.create(path.join(folder, shape));
  try {
    await body(m);
  } finally {
    await m.close();
  }
}

const shapes = [
  { shape: 'large', bytes: MEGABYTES << 20 },
  { shape: 'many', bytes: FILES * 10_240 },
];
/** The short form has each point once, over one of the two; both are killed in the copy where it is cancelled, below. */
const cases = shapes.flatMap(({ shape, bytes }, s) =>
  FORWARD.map((p, i) => ({
    shape,
    bytes,
    ...p,
    occupied: p.occupied ?? (i + s) % 2 === 0,
    short: i % 2 === s,
  })),
);

describe.concurrent('kill -9 of the worker on the way forward', { timeout: FULL ? 600_000 : 180_000 }, () => {
  test.for(cases.filter((c) => FULL || c.short))(
    '$shape at $at, occupied: $occupied: it goes on, arrives once, and is undone',
    async ({ shape, bytes, at, resumes, occupied }) => {
      await withMoving(shape, async (m) => {
        occupy(m, occupied);
        const before = await digestOf(m, occupied);
        const worker = await m.worker(`${at}=kill`.replace(/(@\d+)=kill/, '=kill$1'));
        await m.begin();
        await m.dies(worker, at);
        await m.worker();
        const facts = await expectArrived(m);
        expect(facts['bytes']).toBe(bytes);
        const found = resumedAs(facts, bytes);
        // Where nothing was staged by then, a busy machine may still have needed two attempts afterwards.
        expect(found).toBe(resumes ?? found);
        await m.reject();
        await expectUndone(m, before);
      });
    },
  );
});

describe.concurrent('kill -9 of the worker on the way back', { timeout: FULL ? 600_000 : 180_000 }, () => {
  const back = BACK.flatMap((at, i) =>
    [true, false].map((occupied) => ({ at, occupied, short: occupied === (i !== 2) })),
  );
  test.for(back.filter((c) => (FULL || c.short) && (c.occupied || c.at !== 'undo.after_away')))(
    'many at $at, occupied: $occupied: it is undone',
    async ({ at, occupied }) => {
      await withMoving('many', async (m) => {
        occupy(m, occupied);
        const before = await digestOf(m, occupied);
        const worker = await m.worker(`${at}=kill@1`);
        await m.begin();
        await expectArrived(m);
        // The undo begins beside the record that the answer waits for: the worker may die before it has answered.
        await m.reject().catch((e: { code?: string }) => {
          if (e.code !== 'DEADLINE_EXCEEDED') throw e;
        });
        await m.dies(worker, at);
        await m.worker();
        await expectUndone(m, before);
      });
    },
  );
});

test.for([
  ['large', 'transfer.in_copy@3', false],
  ['many', 'transfer.in_copy@3', true],
  ['large', 'transfer.after_keep', true],
  ['many', 'transfer.after_rename', true],
] as const)(
  '%s killed at %s, and cancelled while nobody is there: nothing is left of it',
  async ([shape, at, occupied]) => {
    await withMoving(shape, async (m) => {
      occupy(m, occupied);
      const before = await digestOf(m, occupied);
      const worker = await m.worker(`${at}=kill`.replace(/(@\d+)=kill/, '=kill$1'));
      await m.begin();
      await m.dies(worker, at);
      expect(m.staged()).toEqual([m.id]);
      await m.rig.client.cancel(m.id, { by: 'test', reason: 'enough' });
      await m.worker();
      await expectUndone(m, before, 'cancelled');
    });
  },
);
