import { expect, test } from 'vitest';
import type { StepRef } from '../../src/storage/steps.js';
import { storagePlace, subjectOf } from './place.js';

const place = storagePlace();
const ledger = () => place.storage.ledger;
const steps = () => place.storage.steps;

let count = 0;
/** A handoff of its own, registered, and the first attempt of a step of it. */
async function begun(step = 'work'): Promise<StepRef> {
  const handoff = `h-${++count}`;
  await place.storage.handoffs.register(subjectOf(handoff), `run-${handoff}`, 'running');
  const ref = { handoff, session: `s-${handoff}`, step, epoch: 1 };
  await steps().begin(ref);
  return ref;
}

const closed = () => Promise.resolve(false);
const intent = (effect: string, resource = `r:${count}/${effect}`) => ({
  effect,
  kind: 'action:x' as const,
  resource,
  data: { for: effect },
});
const close = (handoff: string, at = Date.now()) =>
  place.storage.db.updateTable('handoffs').set({ closed_at: at }).where('id', '=', handoff).execute();

test('an effect is intended, applied once, and undone once; the list has them oldest first', async () => {
  const ref = await begun();
  const [first, second] = await ledger().intend(ref, [intent('a', 'r:1'), intent('b', 'r:2')], closed);
  expect([first!.key, first!.status, first!.data]).toEqual([`${ref.handoff}/work/1/a`, 'intended', { for: 'a' }]);
  let acted = 0;
  const act = () => ({ n: ++acted });
  expect(await ledger().apply(ref, first!.key, act)).toEqual({ n: 1 });
  expect(await ledger().apply(ref, first!.key, act)).toEqual({ n: 1 });
  expect(acted).toBe(1);
  expect((await ledger().list(ref.handoff)).map((e) => [e.effect, e.status])).toEqual([
    ['a', 'applied'],
    ['b', 'intended'],
  ]);
  expect((await ledger().toUndo(ref.handoff, 10)).map((e) => e.effect)).toEqual(['b', 'a']);
  let undone = 0;
  const undo = () => {
    undone++;
    return 'undone' as const;
  };
  for (let i = 0; i < 2; i++) expect(await ledger().undo(first!.key, undo)).toBe('undone');
  expect(undone).toBe(1);
  expect((await ledger().toUndo(ref.handoff, 10)).map((e) => e.key)).toEqual([second!.key]);
});

test('intents that stand already are found, with what the first attempt wrote', async () => {
  const ref = await begun();
  await ledger().intend(ref, [intent('a')], closed);
  const again = await ledger().intend(ref, [{ ...intent('a'), data: { other: true } }, intent('b')], closed);
  expect(again.map((e) => e.data)).toEqual([{ for: 'a' }, { for: 'b' }]);
  expect(await ledger().list(ref.handoff)).toHaveLength(2);
});

test('an effect whose act throws stays intended, and nothing of its transaction stays', async () => {
  const ref = await begun();
  const [effect] = await ledger().intend(ref, [intent('a')], closed);
  const act = async (): Promise<never> => {
    await Promise.resolve();
    throw new Error('no');
  };
  await expect(ledger().apply(ref, effect!.key, act)).rejects.toThrow('no');
  expect((await ledger().find(effect!.key))?.status).toBe('intended');
});

test('what undo needs can be amended while the effect is intended, and not after; what was said once stays', async () => {
  const ref = await begun();
  const [effect] = await ledger().intend(ref, [intent('a')], closed);
  expect(await ledger().amend(effect!.key, { before: 1, n: 1 }, ['before'])).toEqual({ before: 1, n: 1 });
  expect(await ledger().amend(effect!.key, { before: 2, n: 2 }, ['before'])).toEqual({ before: 1, n: 2 });
  await ledger().apply(ref, effect!.key, () => ({}));
  await ledger().amend(effect!.key, { before: 3, n: 3 }, []);
  expect((await ledger().find(effect!.key))?.data).toEqual({ before: 1, n: 2 });
});

test('after a rollback has begun, a late attempt can neither begin, intend, apply, nor bring an undone effect back', async () => {
  const ref = await begun();
  const [a, b] = await ledger().intend(ref, [intent('a'), intent('b')], closed);
  await steps().shut(ref.handoff, [ref.step, 'never_begun']);
  const stale = { code: 'STALE_EPOCH', params: { step: 'work', epoch: 1, current: 2 } };
  await expect(steps().begin(ref)).rejects.toMatchObject(stale);
  await expect(ledger().intend(ref, [intent('c')], closed)).rejects.toMatchObject(stale);
  await expect(ledger().apply(ref, a!.key, () => ({}))).rejects.toMatchObject(stale);
  await ledger().undo(b!.key, () => 'nothing_to_undo');
  await expect(ledger().apply(ref, b!.key, () => ({}))).rejects.toMatchObject(stale);
  await expect(steps().begin({ ...ref, step: 'never_begun' })).rejects.toMatchObject({ code: 'STALE_EPOCH' });
  expect(await steps().begin({ ...ref, epoch: 2 })).toBe(1);
});

test('attempts are counted within an epoch; one that was interrupted is given back', async () => {
  const ref = await begun();
  expect(await steps().begin(ref)).toBe(2);
  await steps().giveBack(ref);
  expect(await steps().list(ref.handoff)).toEqual({ work: { epoch: 1, attempts: 1 } });
  expect(await steps().begin({ ...ref, epoch: 2 })).toBe(1);
  expect(await steps().list(ref.handoff)).toEqual({ work: { epoch: 2, attempts: 1 } });
});

test('a resource that an open handoff has written is reserved; its holder is named; it is free once that one has closed', async () => {
  const [mine, other] = [await begun(), await begun()];
  const [held] = await ledger().intend(mine, [intent('a', 'file:/shared')], closed);
  const reserved = {
    code: 'DESTINATION_RESERVED',
    retryable: true,
    message: `file:/shared is reserved by handoff ${mine.handoff}, which is still open.`,
  };
  const want = [intent('x', 'file:/shared'), intent('y', 'file:/free')];
  await expect(ledger().intend(other, want, closed)).rejects.toMatchObject(reserved);
  expect(await ledger().list(other.handoff), 'all intents or none').toEqual([]);
  expect(await ledger().holderOf('file:/shared', other.handoff)).toBe(mine.handoff);
  expect(await ledger().holderOf('file:/shared', mine.handoff)).toBeUndefined();
  await ledger().apply(mine, held!.key, () => ({}));
  await expect(ledger().intend(other, want, closed)).rejects.toMatchObject(reserved);
  await close(mine.handoff);
  expect(await ledger().intend(other, want, closed)).toHaveLength(2);
});

test('an effect that was undone reserves nothing', async () => {
  const [mine, other] = [await begun(), await begun()];
  const [held] = await ledger().intend(mine, [intent('a', 'file:/undone')], closed);
  await ledger().undo(held!.key, () => 'nothing_to_undo');
  expect(await ledger().intend(other, [intent('x', 'file:/undone')], closed)).toHaveLength(1);
});

test('a holder that closed a moment ago is asked for: the database may be behind a run that was reset', async () => {
  const [mine, other] = [await begun(), await begun()];
  await ledger().intend(mine, [intent('a', 'file:/recent')], closed);
  await close(mine.handoff);
  const asked: string[] = [];
  const open = (handoff: string) => {
    asked.push(handoff);
    return Promise.resolve(true);
  };
  const want = [intent('x', 'file:/recent')];
  await expect(ledger().intend(other, want, open)).rejects.toMatchObject({ code: 'DESTINATION_RESERVED' });
  expect(asked).toEqual([mine.handoff]);
  await close(mine.handoff, Date.now() - 120_000);
  expect(await ledger().intend(other, want, open)).toHaveLength(1);
  expect(asked, 'nobody is asked about one that closed long ago').toHaveLength(1);
});

test('one attempt at a time has an effect: by claim, renewal, release and lapse', async () => {
  const ref = await begun();
  const { key } = (await ledger().intend(ref, [intent('a')], closed))[0]!;
  expect(await ledger().claim(key, 'one', 5000)).toBe(true);
  expect(await ledger().claim(key, 'two', 5000)).toBe(false);
  expect(await ledger().claim(key, 'one', 5000), 'renewed').toBe(true);
  await ledger().release(key, 'two');
  expect(await ledger().claim(key, 'two', 5000), "nobody releases another's").toBe(false);
  await ledger().release(key, 'one');
  expect(await ledger().claim(key, 'two', -1)).toBe(true);
  expect(await ledger().claim(key, 'three', 5000), 'lapsed').toBe(true);
});

test('effects of SQL resources and their rows come together, or not at all', async () => {
  const ref = await begun();
  const { sessions } = place.storage;
  const plan = (fails: boolean) => () =>
    Promise.resolve([
      { ...intent('a', 'r:sql-a'), act: () => Promise.resolve({ done: 1 }) },
      {
        ...intent('b', 'r:sql-b'),
        act: () => (fails ? Promise.reject(new Error('the second fails')) : Promise.resolve({ done: 2 })),
      },
    ]);
  const resources = ['r:sql-a', 'r:sql-b'];
  await expect(ledger().intendAndApply(ref, plan(true), closed, resources)).rejects.toThrow('the second fails');
  expect(await ledger().list(ref.handoff)).toEqual([]);
  await ledger().intendAndApply(ref, plan(false), closed, resources);
  await ledger().intendAndApply(ref, plan(true), closed, resources);
  expect((await ledger().list(ref.handoff)).map((e) => [e.status, e.result])).toEqual([
    ['applied', { done: 1 }],
    ['applied', { done: 2 }],
  ]);
  expect(await sessions.context(ref.session)).toEqual([]);
});

test('a long list to undo comes in pages', async () => {
  const ref = await begun();
  await ledger().intend(
    ref,
    Array.from({ length: 7 }, (_, i) => intent(`e${i}`)),
    closed,
  );
  const first = await ledger().toUndo(ref.handoff, 4);
  const second = await ledger().toUndo(ref.handoff, 4, first.at(-1)!.seq);
  expect([...first, ...second].map((e) => e.effect)).toEqual(['e6', 'e5', 'e4', 'e3', 'e2', 'e1', 'e0']);
});
