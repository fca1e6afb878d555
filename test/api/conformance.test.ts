import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { BulkResult } from '../../src/client/bulk.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { Parts, newId } from '../rig/parts.js';
import { AGENTS } from '../rig/rig.js';
import { ApiRig } from './rig.js';

const parts = new Parts();
const OPERATOR = 'operator';
const { source, target } = AGENTS;
let api: ApiRig;
/** One client an agent. */
const remote: Record<string, HandoffClient> = {};
beforeAll(async () => {
  api = await ApiRig.create({}, parts.options);
  const keys = { [source]: [], [target]: [], [OPERATOR]: ['admin'] };
  for (const [agent, roles] of Object.entries(keys)) {
    remote[agent] = new HandoffClient({ url: api.url, apiKey: await api.key(agent, ...roles) });
  }
});
afterAll(() => api.close());

/** Until it fits: what the run does on its own takes its time. */
async function until<T>(ask: () => Promise<T>, fits: (found: T) => boolean): Promise<T> {
  for (const end = Date.now() + 20_000; ;) {
    const found = await ask();
    if (fits(found)) return found;
    if (Date.now() > end) throw new Error(`it is still ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The code of what a call throws, with its text; undefined where it throws nothing. */
const failing = (call: () => Promise<unknown>): Promise<{ code: string; message: string } | undefined> =>
  Promise.resolve()
    .then(call)
    .then(
      () => undefined,
      (e: { code: string; message: string }) => ({ code: e.code, message: e.message }),
    );

describe.each(['over Temporal', 'over HTTP'])('a client %s', (how) => {
  const as = (agent: string): HandoffClient => (how === 'over HTTP' ? remote[agent]! : api.rig.client);
  const request = (over: Partial<HandoffRequest> = {}): HandoffRequest & { handoffId: string } => {
    const handoffId = newId();
    api.rig.started.add(handoffId);
    return { procedure: 'WORK_AND_ASK', source: { agent: source }, target: { agent: target }, ...over, handoffId };
  };
  const offered = async (over: Partial<HandoffRequest> = {}): Promise<string> => {
    const asked = request(over);
    await as(source).start(asked);
    await until(
      () => as(source).status(asked.handoffId),
      (s) => s.status === 'awaiting_acceptance',
    );
    return asked.handoffId;
  };

  test('takes a handoff from its start to its end', async () => {
    const asked = request({ instructions: 'Write the users module', context: { a: 1 }, priority: 'high' });
    const id = asked.handoffId;
    const started = await as(source).start(asked);
    expect(started).toMatchObject({ handoffId: id, workflowId: `handoff/${id}`, existing: false });
    expect(await as(source).start(asked)).toEqual({ ...started, existing: true });
    const waiting = as(target).result(id);
    const found = await until(
      () => as(target).status(id),
      (s) => s.status === 'awaiting_acceptance',
    );
    expect(found).toMatchObject({ handoffId: id, from: 'run', subject: { target: { agent: target } } });
    const inbox = await as(target).inbox(target);
    expect(inbox.find((i) => i.handoffId === id)).toMatchObject({
      task: 'Write the users module',
      priority: 'immediate',
    });
    expect(await as(source).progress(id)).toMatchObject({ status: 'awaiting_acceptance', steps: 2 });
    expect((await as(source).list({ target })).find((h) => h.handoffId === id)).toMatchObject({
      shown: 'awaiting_acceptance',
    });
    const { epoch } = await as(target).accept(id, { by: target });
    expect(await as(target).complete(id, { by: target, epoch, note: 'done' })).toEqual({ status: 'accepted' });
    expect(await waiting).toMatchObject({ handoffId: id, outcome: 'completed' });
    expect(await as(source).result(id)).toEqual(await waiting);
    expect((await as(source).effects(id)).map((e) => [e.step, e.status])).toEqual([['work', 'applied']]);
    const document = await as(source).document(id);
    expect(document).toMatchObject({ id, sourceAgent: source, status: 'completed', context: { custom: { a: 1 } } });
    expect(document.createdAt).toBeInstanceOf(Date);
  });

  test('pauses, resumes, extends, rejects and cancels', async () => {
    const id = await offered();
    await as(target).pause(id, { by: target, reason: 'wait' });
    await until(
      () => as(source).status(id),
      (s) => s.state?.holds.operator?.by === target,
    );
    await until(
      () => as(source).list({ status: 'paused', limit: 1000 }),
      (l) => l.some((h) => h.handoffId === id),
    );
    await as(source).resume(id, { by: source });
    await until(
      () => as(source).status(id),
      (s) => s.state?.holds.operator === undefined,
    );
    const { expiresAt } = await as(source).extend(id, { by: source, minutes: 60 });
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 60 * 60_000);
    expect(await as(target).reject(id, { by: target, reason: 'no' })).toEqual({ status: 'compensating' });
    expect(await as(source).result(id)).toMatchObject({ outcome: 'rejected', by: target, reason: 'no' });
    const other = await offered();
    await as(source).cancel(other, { by: source, reason: 'changed' });
    expect(await as(source).result(other)).toMatchObject({ outcome: 'cancelled' });
  });

  test('repairs an incident', async () => {
    const asked = request({ procedure: 'WORK_OR_HOLD' });
    const id = asked.handoffId;
    parts.fail(id, 'act');
    await as(source).start(asked);
    const [open] = await until(
      async () => (await as(source).incidents()).filter((i) => i.handoffId === id),
      (l) => l.length > 0,
    );
    expect(open).toMatchObject({ incident: { kind: 'step', step: 'work' }, workflowId: `handoff/${id}` });
    const repair = { by: OPERATOR, reason: 'mended', incidentId: open!.incident.id };
    parts.mend(id, 'act');
    expect(await as(OPERATOR).retry(id, repair)).toEqual({ incidentId: 'inc-1' });
    await until(
      () => as(source).status(id),
      (s) => s.status === 'awaiting_acceptance',
    );
    expect(await failing(() => as(OPERATOR).skip(id, repair))).toMatchObject({ code: 'INCIDENT_NOT_OPEN' });
    await as(target).reject(id, { by: target, reason: 'seen' });
    await as(source).result(id);
  });

  test('does to many what it does to one', async () => {
    const session = `s-${newId()}`;
    const ids = [await offered({ session }), await offered({ session }), await offered({ session })].toSorted();
    const preview = await as(OPERATOR).bulk.preview({ session });
    expect({ ...preview, handoffIds: preview.handoffIds.toSorted() }).toEqual({ count: 3, handoffIds: ids });
    const results: BulkResult[] = [];
    const pause = { by: OPERATOR, reason: 'all' };
    const options = { onResult: (r: BulkResult): void => void results.push(r) };
    expect(await as(OPERATOR).bulk.pause({ session }, pause, options)).toMatchObject({ matched: 3, done: 3, left: 0 });
    expect(results.map((r) => r.handoffId).toSorted()).toEqual(ids);
    const retried = await as(OPERATOR).bulk.retry(ids, pause, options);
    expect(retried).toMatchObject({ matched: 3, refused: 3 });
    expect(results.at(-1)!.error).toMatchObject({ code: 'INCIDENT_NOT_OPEN' });
    await as(OPERATOR).bulk.resume({ session }, { by: OPERATOR });
    expect(await as(OPERATOR).bulk.cancel(ids, pause)).toMatchObject({ done: 3 });
    for (const id of ids) expect(await as(source).result(id)).toMatchObject({ outcome: 'cancelled' });
    expect(await failing(() => as(OPERATOR).bulk.pause({}, pause))).toMatchObject({ code: 'INVALID_REQUEST' });
    const stopped = await as(OPERATOR).bulk.pause(ids, pause, { signal: AbortSignal.abort() });
    expect(stopped).toMatchObject({ matched: 3, left: 3 });
  });

  test('plans, validates, and keeps registries', async () => {
    const asked = request();
    api.rig.started.delete(asked.handoffId);
    expect(await as(source).plan(asked)).toMatchObject({ ready: true, issues: [] });
    const validation = await as(source).validate(asked, { rules: ['VR001'] });
    expect(validation).toMatchObject({ session: { procedure: 'WORK_AND_ASK' }, verdict: { rules: 1 } });
    const { agents, contracts } = as(OPERATOR);
    const name = `@new-${how.length}`;
    expect(await agents.add({ name, capacity: 3 })).toMatchObject({ name, capacity: 3 });
    expect((await agents.heartbeat(name)).heartbeats).toHaveLength(2);
    expect(await agents.find(name)).toMatchObject({ capacity: 3 });
    expect((await agents.list()).map((a) => a.name)).toContain(name);
    expect([await agents.remove(name), await agents.remove(name), await agents.find(name)]).toEqual([
      true,
      false,
      undefined,
    ]);
    const document = { contract_id: `c-${how.length}`, version: '1.2.3', contract: { sends: { 'a.json': {} } } };
    const added = await contracts.add(document);
    expect(added).toMatchObject({ id: document.contract_id, version: '1.2.3', document });
    expect(await contracts.find(added.id)).toEqual(added);
    expect([await contracts.find(added.id, '9.9.9'), await contracts.find('none')]).toEqual([undefined, undefined]);
    expect(await contracts.list()).toContainEqual(added);
    expect(await contracts.names()).toContain(`${added.id}@1.2.3`);
    const procedure = {
      procedure_id: `OWN_${how.length}`,
      version: '1.0.0',
      name: 'Own',
      steps: [{ step_id: 'a', name: 'A', action: 'work' }],
    };
    const before = await failing(() => as(OPERATOR).addProcedure(procedure));
    expect(before).toMatchObject({ code: 'INVALID_PROCEDURE' });
    const whole = { ...procedure, rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['a'] }] };
    expect(await as(OPERATOR).addProcedure(whole)).toMatchObject({ procedure_id: procedure.procedure_id });
    expect((await as(source).procedures()).map((p) => p.procedure_id)).toContain(procedure.procedure_id);
  });

  test('shows what was handed over, and numbers', async () => {
    const asked = await api.rig.request('PHASE_TRANSITION_STANDARD', { acceptance: 'auto' });
    const id = asked.handoffId;
    api.rig.started.add(id);
    await as(source).start(asked);
    expect(await as(source).result(id)).toMatchObject({ outcome: 'completed' });
    const { artifacts } = await as(target).manifest({ handoff: id });
    expect(artifacts.map((a) => a.name).toSorted()).toEqual(['architecture.json', 'modules.json']);
    const [first] = artifacts;
    expect(await as(OPERATOR).trace(first!.id, { verify: true })).toMatchObject({
      now: expect.arrayContaining([expect.objectContaining({ handoff: id, state: 'verified' })]) as unknown,
    });
    expect(await as(target).verify([id])).toMatchObject({ ok: true, checked: 2 });
    const metrics = await as(source).metrics({ session: asked.session, since: Date.now() - 60_000 });
    expect(metrics).toEqual(
      await api.rig.client
        .metrics({ session: asked.session, since: Date.now() - 60_000 })
        .then((m) => ({ ...metrics, handoffs: m.handoffs })),
    );
    expect(await as(source).server()).toMatchObject({ up: true });
  });

  test('refuses what is not whole in every verb, with the same words', async () => {
    const bad = { by: 5 } as never;
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const request = { procedure: 'WORK_AND_ASK', source: { agent: source }, target: { agent: target } };
    const calls: [string, (c: HandoffClient) => Promise<unknown>][] = [
      ['INVALID_REQUEST', (c) => c.start(null as never)],
      ['INVALID_REQUEST', (c) => c.start({ ...request, nonsense: 1 } as never)],
      ['INVALID_REQUEST', (c) => c.start({ ...request, context: cyclic })],
      ['PROCEDURE_UNKNOWN', (c) => c.start({ ...request, procedure: 'NO_SUCH' })],
      ['AGENT_UNKNOWN', (c) => c.start({ ...request, target: { agent: '@nobody' } })],
      ['CONTRACT_UNKNOWN', (c) => c.start({ ...request, contract: 'no-such' })],
      ['INVALID_CONTRACT', (c) => c.start({ ...request, contract: { contract: { sends: 5 } } as never })],
      ['INVALID_REQUEST', (c) => c.plan({ ...request, source: {} })],
      ['PROCEDURE_UNKNOWN', (c) => c.validate(request, { procedure: 'NO_SUCH' })],
      ['RULE_UNKNOWN', (c) => c.validate(request, { rules: ['VR999'] })],
      ...(['status', 'progress', 'result', 'effects', 'document'] as const).flatMap((verb): typeof calls => [
        ['INVALID_ID', (c) => c[verb]('../x')],
        ...(verb === 'effects' ? [] : ([['HANDOFF_NOT_FOUND', (c) => c[verb]('h-unknown')]] as typeof calls)),
      ]),
      ...VERBS.flatMap((verb): typeof calls => [
        ['INVALID_ID', (c) => c[verb]('a/b', whole as never)],
        ['INVALID_MESSAGE', (c) => c[verb]('h-unknown', bad)],
        ['HANDOFF_NOT_FOUND', (c) => c[verb]('h-unknown', MESSAGES[verb] as never)],
      ]),
      ['INVALID_REQUEST', (c) => c.list({ status: 'odd' as never })],
      ['INVALID_REQUEST', (c) => c.list({ limit: 0 })],
      ['INVALID_REQUEST', (c) => c.incidents({ nonsense: 1 } as never)],
      ['INVALID_ID', (c) => c.inbox('a b')],
      ['AGENT_UNKNOWN', (c) => c.inbox('@nobody')],
      ['INVALID_REQUEST', (c) => c.inbox(target, { limit: 0 })],
      ['INVALID_REQUEST', (c) => c.metrics({ since: Number.NaN })],
      ['INVALID_REQUEST', (c) => c.manifest({ digest: 'zz' })],
      ['ARTIFACT_UNKNOWN', (c) => c.trace('nothing')],
      ['ARTIFACT_UNKNOWN', (c) => c.verify(['nothing'])],
      ['INVALID_PROCEDURE', (c) => c.addProcedure({ procedure_id: 'X' })],
      ['INVALID_REQUEST', (c) => c.agents.add({ name: '/' })],
      ['AGENT_UNKNOWN', (c) => c.agents.heartbeat('@nobody')],
      ['INVALID_CONTRACT', (c) => c.contracts.add({ contract: 5 })],
      ['INVALID_ID', (c) => c.bulk.pause(['a/b'], { by: OPERATOR, reason: 'x' })],
      ['INVALID_MESSAGE', (c) => c.bulk.cancel(['a'], bad)],
      ['INVALID_REQUEST', (c) => c.bulk.cancel(['a'], { by: OPERATOR, reason: 'x' }, { rate: 0 })],
    ];
    for (const [code, call] of calls) {
      const own = await failing(() => call(as(OPERATOR)));
      expect({ call: String(call), code: own?.code }).toEqual({ call: String(call), code });
      const id = /ho_[0-9a-f-]+/g;
      const other = await failing(() => call(api.rig.client));
      expect(own?.message.replace(id, 'ho_')).toBe(other?.message.replace(id, 'ho_'));
    }
  });

  test('says why what does not fit the state does not', async () => {
    const id = await offered();
    expect(await failing(() => as(source).resume(id, { by: source }))).toMatchObject({ code: 'WRONG_STATE' });
    const epoch = await as(target).accept(id, { by: target }, { updateId: 'once' });
    expect(await as(target).accept(id, { by: target }, { updateId: 'once' })).toEqual(epoch);
    expect(await failing(() => as(target).accept(id, { by: target }))).toEqual({
      code: 'ALREADY_ACCEPTED',
      message: `Handoff ${id} was already accepted by ${target} (epoch 1).`,
    });
    expect(await failing(() => as(target).complete(id, { by: target, epoch: 7 }))).toMatchObject({
      code: 'STALE_ACCEPTANCE',
    });
    const artifacts = [{ name: 'a.json', path: 'a.json' }];
    const submitted = await failing(() => as(target).submitReturn(id, { by: target, epoch: 1, artifacts }));
    expect(submitted).toMatchObject({ code: 'RETURN_UNKNOWN' });
    const again = { procedure: 'WORK_AND_ASK', source: { agent: source }, target: { agent: target } };
    const conflict = await failing(() => as(source).start({ ...again, handoffId: id, priority: 'low' }));
    expect(conflict).toMatchObject({ code: 'HANDOFF_ID_CONFLICT' });
    await as(target).complete(id, { by: target, epoch: 1 });
    await as(source).result(id);
    expect(await failing(() => as(source).cancel(id, { by: source, reason: 'late' }))).toMatchObject({
      code: 'WRONG_STATE',
      message: `Handoff ${id} is completed; cancel is possible only while it is pending, running, awaiting_acceptance, accepted.`,
    });
  });
});

const repair = { by: OPERATOR, reason: 'why', incidentId: 'inc-1' };
const whole = { by: OPERATOR, reason: 'why' };
const MESSAGES = {
  pause: whole,
  resume: { by: OPERATOR },
  cancel: whole,
  accept: { by: OPERATOR },
  reject: whole,
  complete: { by: OPERATOR, epoch: 1 },
  submitReturn: { by: OPERATOR, epoch: 1, artifacts: [{ name: 'a', path: 'a' }] },
  extend: { by: OPERATOR, minutes: 1 },
  retry: repair,
  skip: repair,
  resolve: repair,
  rollback: repair,
} as const;
const VERBS = Object.keys(MESSAGES) as (keyof typeof MESSAGES)[];
