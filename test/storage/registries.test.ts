import { describe, expect, test } from 'vitest';
import type { Procedure } from '../../src/core/procedure.js';
import { storagePlace } from './place.js';

const place = storagePlace();

describe('agents', () => {
  const agents = () => place.storage.agents;

  test('an agent is added with its defaults, changed, listed and removed; its heartbeats stay', async () => {
    const before = Date.now();
    const added = await agents().add({ name: '@b', roles: ['review'], capabilities: ['node'] });
    expect(added).toEqual({
      name: '@b',
      roles: ['review'],
      capabilities: ['node'],
      capacity: 10,
      heartbeatSeconds: 60,
      heartbeats: [expect.any(Number)],
    });
    expect(added.heartbeats[0]).toBeGreaterThanOrEqual(before);
    await agents().add({ name: 'a' });
    const changed = await agents().add({ name: '@b', capacity: 1, endpoint: 'http://x/', handsOffTo: ['*'] });
    expect(changed).toMatchObject({ roles: [], capacity: 1, endpoint: 'http://x/', handsOffTo: ['*'] });
    expect(changed.heartbeats).toHaveLength(2);
    expect((await agents().list()).map((a) => a.name)).toEqual(['@b', 'a']);
    expect([await agents().remove('a'), await agents().remove('a')]).toEqual([true, false]);
    expect(await agents().find('a')).toBeUndefined();
  });

  test('the last four heartbeats are kept, newest first', async () => {
    await agents().add({ name: 'beating' });
    for (const at of [1, 2, 3, 4, 5]) await agents().heartbeat('beating', at);
    expect((await agents().find('beating'))?.heartbeats).toEqual([5, 4, 3, 2]);
  });

  test('a heartbeat of nobody is refused', async () => {
    await expect(agents().heartbeat('@nobody')).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a name that is a path', { name: '../x' }, '/name: must be an agent name'],
    ['no name', {}, '/name: '],
    ['a capacity below zero', { name: 'x', capacity: -1 }, '/capacity: '],
    ['an endpoint that is no web address', { name: 'x', endpoint: 'file:///etc/passwd' }, '/endpoint: must be an http'],
    ['a field that is unknown', { name: 'x', capcity: 1 }, 'capcity'],
  ])('%s is refused, and the place is named', async (_, spec, issue) => {
    const refused = agents().add(spec as never);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(refused).rejects.toThrow(issue);
  });
});

describe('sessions', () => {
  const sessions = () => place.storage.sessions;

  test('a phase record has a status, a version that every write raises, and the digest of the context', async () => {
    const first = await sessions().setPhase('s1', 8, 'in_progress', 'me');
    expect(first).toMatchObject({ session: 's1', phase: '8', status: 'in_progress', version: 1, updatedBy: 'me' });
    await sessions().set('s1', 'k', 1, 'me');
    const second = await sessions().setPhase('s1', '8', 'completed', 'you');
    expect(second).toMatchObject({ status: 'completed', version: 2, updatedBy: 'you' });
    expect(second.stateDigest).not.toBe(first.stateDigest);
    expect(second.stateDigest).toBe(await sessions().contextDigest('s1'));
    await sessions().setPhase('s1', '13', 'ready', 'me');
    expect((await sessions().phases('s1')).map((p) => p.phase)).toEqual(['13', '8']);
    expect(await sessions().phase('s2', '8')).toBeUndefined();
  });

  test('a context entry is set with a version, and only if it is still at the one that is expected', async () => {
    expect(await sessions().set('s3', 'k', { b: 1, a: 2 }, 'me', 0)).toMatchObject({
      value: '{"a":2,"b":1}',
      version: 1,
    });
    expect((await sessions().set('s3', 'k', 'x', 'me', 1)).version).toBe(2);
    await expect(sessions().set('s3', 'k', 'y', 'me', 1)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'context:s3/k is not as expected: expected version 1, found version 2.',
    });
    expect((await sessions().context('s3')).map((e) => [e.key, e.value, e.version])).toEqual([['k', '"x"', 2]]);
  });

  test.each([
    ['../8', 's'],
    ['', 's'],
    ['8\0', 's'],
    ['8', '../s'],
    ['8', ''],
  ])('the ids %j and %j are refused', async (phase, session) => {
    await expect(sessions().setPhase(session, phase, 'ready', 'me')).rejects.toMatchObject({ code: 'INVALID_ID' });
  });

  test('a status that is none is refused', async () => {
    await expect(sessions().setPhase('s4', '8', 'done' as never, 'me')).rejects.toThrow('/status: must be one of');
  });
});

describe('procedures', () => {
  const procedures = () => place.storage.procedures;
  const version = (v: string, name = 'N'): Procedure => ({
    procedure_id: 'MY_OWN',
    version: v,
    name,
    steps: [{ step_id: 'one', name: 'One', action: 'confirm' }],
  });

  test('the newest version by its numbers is found; an older one that comes later changes nothing', async () => {
    for (const v of ['1.9.0', '1.10.0', '1.2.30']) await procedures().add(version(v));
    expect((await procedures().find('MY_OWN'))?.procedure.version).toBe('1.10.0');
    expect((await procedures().list()).map((p) => p.procedure.version)).toEqual(['1.10.0']);
    expect(await procedures().find('NO_SUCH')).toBeUndefined();
  });

  test('a version means one definition: the same again is absorbed, another is refused', async () => {
    const first = await procedures().add(version('2.0.0'));
    expect(await procedures().add(version('2.0.0'))).toEqual(first);
    await expect(procedures().add(version('2.0.0', 'Another'))).rejects.toThrow(
      '/version: 2.0.0 is already there with a different content; raise the version',
    );
    expect((await procedures().find('MY_OWN'))?.procedure.name).toBe('N');
  });

  test('the parts of workers are made known once', async () => {
    for (let i = 0; i < 2; i++) await procedures().publishParts({ actions: ['a1'], rules: ['RR001', 'RR002'] });
    expect(await procedures().parts()).toEqual({ actions: ['a1'], rules: ['RR001', 'RR002'] });
  });
});
