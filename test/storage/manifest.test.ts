import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manifestOf, traceOf } from '../../src/client/manifest.js';
import type { UndoResult } from '../../src/core/handoff.js';
import { artifactId, artifactSeq, type ArtifactRecord } from '../../src/core/manifest.js';
import type { Arrival } from '../../src/storage/manifest/manifest.js';
import { arrivalOf, storagePlace, subjectOf } from './place.js';

const place = storagePlace();
const manifest = () => place.storage.manifest;
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

let count = 0;

/** Of a handoff of its own. */
const arrival = (over: Partial<Arrival> = {}): Arrival => arrivalOf(over.handoff ?? `h-${++count}`, over);

/** Puts it through the ledger, as a transfer does. */
async function arrive(a: Arrival, times = 1): Promise<Arrival> {
  const { ledger, handoffs, steps } = place.storage;
  const ref = { handoff: a.handoff, session: a.session, step: 'files', epoch: 1 };
  await handoffs.register(subjectOf(a.handoff), 'run', 'running');
  await steps.begin(ref);
  const intent = { effect: a.name, kind: 'file' as const, resource: `file:${a.path}`, data: {} };
  const [effect] = await ledger.intend(ref, [intent], () => Promise.resolve(false));
  expect(effect!.key).toBe(a.key);
  for (let i = 0; i < times; i++)
    await ledger.apply(ref, a.key, async (trx) => {
      await manifest().arrived(trx, a);
      await manifest().arrived(trx, a);
      return { sha256: a.sha256, size: a.size };
    });
  return a;
}
const undo = (a: Arrival, result: UndoResult = 'undone'): Promise<UndoResult> =>
  place.storage.ledger.undo(a.key, async (trx) => {
    await manifest().takenBack(trx, a.key, result);
    return result;
  });
const of = (a: Arrival): Promise<ArtifactRecord[]> => manifest().list({ handoff: a.handoff });
const idsOf = async (a: Arrival): Promise<string[]> => (await of(a)).map((r) => r.id);
const ways = (records: ArtifactRecord[]): string[][] =>
  records.map((r) => r.transfers.map((t) => `${t.target.phase ?? t.target.agent ?? '?'} ${t.status}`));

test('an arrival is one artifact with one transfer, however often its effect is applied', async () => {
  const a = await arrive(arrival({ mode: 0o640, format: 'json', schema: 'd.schema.json', schemaValid: true }), 2);
  const found = await of(a);
  expect(found).toMatchObject([
    {
      id: expect.stringMatching(/^artifact_\d{3,}$/) as unknown,
      name: 'design.json',
      kind: 'file',
      handoff: a.handoff,
      session: a.session,
      source: { agent: '@code-architect', phase: '8' },
      createdBy: '@code-architect',
      originalPath: a.originalPath,
      sha256: A,
      size: 2048,
      format: 'json',
      schema: 'd.schema.json',
      schemaValid: true,
    },
  ]);
  expect(found[0]!.transfers).toMatchObject([
    { key: a.key, path: a.path, sha256: A, valid: true, mode: 0o640, status: 'success', target: a.target },
  ]);
});

test('what goes on from where a transfer put it is the same artifact; its destinations grow', async () => {
  const first = await arrive(arrival());
  const on = await arrive(
    arrival({ originalPath: first.path, source: { phase: '13' }, target: { phase: '14' }, name: 'renamed.json' }),
  );
  const again = await arrive(arrival({ originalPath: on.path, source: { phase: '14' }, target: { phase: '15' } }));
  const found = await of(again);
  expect(await idsOf(first)).toEqual(found.map((r) => r.id));
  expect(ways(found)).toEqual([['13 success', '14 success', '15 success']]);
  expect((await manifest().list({ artifact: 'renamed.json' })).map((r) => r.id)).toContain(found[0]!.id);
});

test('with other content, or from where it was taken back, it is another artifact', async () => {
  const first = await arrive(arrival());
  const changed = await arrive(arrival({ originalPath: first.path, originalSha256: B }));
  expect(await idsOf(changed)).not.toEqual(await idsOf(first));
  const [id] = await idsOf(first);
  expect((await traceOf(place.storage, (await idsOf(changed))[0]!)).changedFrom.map((r) => r.id)).toEqual([id]);
  expect((await traceOf(place.storage, id!)).changedInto.map((r) => r.id)).toEqual(await idsOf(changed));
  await undo(first);
  const after = await arrive(arrival({ originalPath: first.path }));
  expect(await idsOf(after)).not.toEqual([id]);
});

test('the same content from the same place is one artifact, also after an undo, and for two handoffs', async () => {
  const originalPath = '/in/shared/design.json';
  const first = await arrive(arrival({ originalPath }));
  await undo(first);
  const again = await arrive(arrival({ originalPath, target: { agent: '@writer' } }));
  expect(await idsOf(again)).toEqual(await idsOf(first));
  expect(ways(await of(first))).toEqual([['13 undone', '@writer success']]);
});

test.each<UndoResult>(['undone', 'kept_theirs', 'resolved_by_hand', 'nothing_to_undo', 'merged'])(
  'a transfer whose undo ends as %s is marked, once, and stays; the artifact stays without it',
  async (result) => {
    const a = await arrive(arrival());
    await undo(a, result);
    const [before] = await of(a);
    await place.storage.db.transaction().execute((trx) => manifest().takenBack(trx, a.key));
    const [after] = await of(a);
    expect(after).toEqual(before);
    expect(after!.transfers).toMatchObject([{ status: 'undone', undoResult: result }]);
    expect(after!.transfers[0]!.undoneAt).toBeGreaterThanOrEqual(after!.transfers[0]!.at);
    const { artifacts } = await manifestOf(place.storage, { handoff: a.handoff });
    expect(artifacts[0]).toMatchObject({ destination_phases: [], transferred_to: [{ phase: 13, status: 'undone' }] });
  },
);

test('what a transformer made has what it was made from beside it, and each result is its own', async () => {
  const source = { originalPath: '/in/made/design.json', originalSha256: A, originalSize: 99 };
  const made = { ...source, sha256: B, name: 'design.yaml', transformer: 'json_to_yaml' };
  const one = await arrive(arrival(made));
  const two = await arrive(arrival(made));
  const [parent, result] = await of(one);
  expect(parent).toMatchObject({ name: 'design.json', sha256: A, size: 99, format: 'json', transfers: [] });
  expect(result).toMatchObject({ derivedFrom: parent!.id, transformer: 'json_to_yaml', sha256: B, format: 'yaml' });
  const [other] = await of(two);
  expect(other).toMatchObject({ derivedFrom: parent!.id });
  expect(other!.id).not.toBe(result!.id);
  const { artifacts } = await manifestOf(place.storage, { handoff: one.handoff });
  expect(artifacts[1]).toMatchObject({
    path: one.path,
    checksum: B,
    original_path: one.originalPath,
    original_checksum: A,
    checksum_valid: true,
    derived_from: parent!.id,
    transformed_from: 'json',
    transformer: 'json_to_yaml',
  });
  const on = await arrive(arrival({ originalPath: one.path, originalSha256: B, target: { phase: '20' } }));
  const again = await arrive(
    arrival({
      originalPath: on.path,
      originalSha256: B,
      sha256: A,
      name: 'design.md',
      transformer: 'yaml_to_markdown',
    }),
  );
  const last = (await of(again)).at(-1)!;
  const trace = await traceOf(place.storage, result!.id);
  expect(trace.madeFrom.map((r) => r.id)).toEqual([parent!.id]);
  expect(trace.madeInto.map((r) => r.id)).toEqual([last.id]);
  expect((await traceOf(place.storage, last.id)).madeFrom.map((r) => r.id)).toEqual([result!.id, parent!.id]);
  expect((await traceOf(place.storage, parent!.id)).madeInto.map((r) => r.id)).toEqual([
    result!.id,
    last.id,
    other!.id,
  ]);
});

test('two ways to one folder are one place', async () => {
  const real = path.join(place.folder, 'real');
  await mkdir(real);
  await symlink(real, path.join(place.folder, 'way'));
  const first = await arrive(arrival({ path: path.join(place.folder, 'way', 'x.json') }));
  const on = await arrive(arrival({ originalPath: path.join(real, 'x.json') }));
  expect(await idsOf(on)).toEqual(await idsOf(first));
});

test('what a later transfer puts in its place takes it over; taken back, the place is its again', async () => {
  const first = await arrive(arrival({ path: '/root/taken/x', originalSha256: A }));
  await place.storage.db.updateTable('handoffs').set({ closed_at: 1 }).where('id', '=', first.handoff).execute();
  const second = await arrive(arrival({ path: '/root/taken/x', originalSha256: B }));
  const [by] = await idsOf(second);
  expect((await of(first))[0]!.transfers).toMatchObject([{ status: 'success', takenOverBy: by }]);
  await undo(second);
  expect((await of(first))[0]!.transfers[0]).not.toHaveProperty('takenOverBy');
});

test('a filter finds by artifact, phase, handoff, session and digest, all of which must hold', async () => {
  const sha = `0123456789${'c'.repeat(54)}`;
  const a = await arrive(arrival({ name: 'sought.json', originalSha256: sha, target: { phase: '77' } }));
  const [id] = await idsOf(a);
  const ids = async (filter: Parameters<ReturnType<typeof manifest>['list']>[0]): Promise<string[]> =>
    (await manifest().list(filter)).map((r) => r.id);
  for (const filter of [
    { artifact: 'sought.json' },
    { artifact: id! },
    { phase: 77 },
    { phase: '77' },
    { phase: 8, session: a.session },
    { digest: '0123456789C' },
    { digest: sha, handoff: a.handoff, session: a.session },
  ])
    expect([filter, await ids(filter)]).toEqual([filter, [id]]);
  expect(await ids({ phase: 77, digest: 'f' })).toEqual([]);
  await expect(manifest().list({ digest: 'xyz%' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  await expect(manifest().list({ sesion: 'x' } as never)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
});

test('the document has the fields of S2, and whole-numbered phases as numbers', async () => {
  const a = await arrive(arrival({ schema: 'code-architecture.schema.json', schemaValid: true }));
  const { artifacts } = await manifestOf(place.storage, { handoff: a.handoff });
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown;
  expect(artifacts).toEqual([
    {
      id: (await idsOf(a))[0],
      name: 'design.json',
      kind: 'file',
      source_phase: 8,
      source_agent: '@code-architect',
      destination_phases: [13],
      destination_agents: ['@nodejs-specialist'],
      created_by: '@code-architect',
      created_at: time,
      session: a.session,
      handoff: a.handoff,
      path: a.originalPath,
      checksum: A,
      size_bytes: 2048,
      schema: 'code-architecture.schema.json',
      schema_valid: true,
      original_path: a.originalPath,
      original_checksum: A,
      checksum_valid: true,
      transferred_to: [
        {
          phase: 13,
          agent: '@nodejs-specialist',
          transferred_at: time,
          transfer_checksum: A,
          status: 'success',
          handoff: a.handoff,
          session: a.session,
          original_path: a.originalPath,
          original_checksum: A,
          transferred_path: a.path,
          checksum_valid: true,
        },
      ],
    },
  ]);
  const toAgent = await arrive(arrival({ source: { agent: '@a' }, target: { agent: '@b' } }));
  const [entry] = (await manifestOf(place.storage, { handoff: toAgent.handoff })).artifacts;
  expect(entry).toMatchObject({ source_agent: '@a', destination_phases: [], destination_agents: ['@b'] });
  expect(entry).not.toHaveProperty('source_phase');
  expect(entry!.transferred_to[0]).not.toHaveProperty('phase');
});

test('what is asked for by a name that several have is ambiguous, with the candidates; an unknown one is unknown', async () => {
  const [a, b] = [await arrive(arrival({ name: 'twin.json' })), await arrive(arrival({ name: 'twin.json' }))];
  const candidates = [...(await idsOf(a)), ...(await idsOf(b))];
  await expect(traceOf(place.storage, 'twin.json')).rejects.toMatchObject({
    code: 'ARTIFACT_AMBIGUOUS',
    params: { candidates: candidates.map((id) => ({ id, name: 'twin.json' })) },
  });
  for (const none of ['nobody.json', 'artifact_999999', 'fedcba98', './no/such'])
    await expect(traceOf(place.storage, none)).rejects.toMatchObject({ code: 'ARTIFACT_UNKNOWN' });
});

test('a place is known by its real path before its folder is there', async () => {
  const [real, link] = [path.join(place.folder, 'really'), path.join(place.folder, 'link')];
  await mkdir(real);
  await symlink(real, link);
  const first = await arrive(arrival({ path: path.join(link, 'new', 'x', 'design.json') }));
  const there = path.join(real, 'new', 'x', 'design.json');
  expect((await of(first))[0]!.transfers[0]!.path).toBe(there);
  await mkdir(path.dirname(there), { recursive: true });
  const second = await arrive(arrival({ path: there, originalSha256: B }));
  const [id] = await idsOf(second);
  expect((await of(first))[0]!.transfers[0]!.takenOverBy).toBe(id);
});

test('an artifact that is called like the id of another is not taken for it', async () => {
  const [last] = await idsOf(await arrive(arrival()));
  const idAfter = (n: number): string => artifactId(artifactSeq(last!)! + n);
  const stranger = await arrive(arrival({ name: idAfter(2) }));
  expect(await idsOf(stranger)).toEqual([idAfter(1)]);
  const made = await arrive(arrival({ originalSha256: B, sha256: A, transformer: 'json_to_yaml' }));
  const record = (await of(made)).find((r) => r.derivedFrom !== undefined)!;
  expect(record.derivedFrom).toBe(idAfter(2));
  const { madeFrom } = await traceOf(place.storage, record.id);
  expect(madeFrom.map((r) => [r.id, r.sha256])).toEqual([[idAfter(2), B]]);
});
