import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packageIdOf, sessionOfWorkflow, transitionIdOf, pipelineWorkflowIdOf } from '../../src/core/pipeline/ids.js';
import { HANDOFF_ID } from '../../src/core/ids.js';
import { faultOfPipelineMessage } from '../../src/core/pipeline/message.js';
import { holdThatEnds, reducePipeline, type PipelineEvent } from '../../src/core/pipeline/reducer.js';
import { refusePipeline } from '../../src/core/pipeline/refusal.js';
import { blockedPipeline, pipelineWords } from '../../src/core/pipeline/words.js';
import {
  PIPELINE_LIFE,
  atEnd,
  initialPipeline,
  placeAt,
  progressOfPipeline,
  resumePointOf,
  shownPipeline,
  stepAfter,
  type Checkpoint,
  type FrozenPhase,
  type PipelineMessageName,
  type PipelineState,
  type PipelineStatus,
} from '../../src/core/pipeline/pipeline.js';
import { seeded } from '../properties/seed.js';

const PHASES: FrozenPhase[] = [
  { phase: 'one', steps: [{ name: 'a' }, { name: 'b' }] },
  { phase: 'two', steps: [{ name: 'c' }] },
];
const failure = { code: 'STATE_CONFLICT', message: 'does not fit' };
const checkpoint: Checkpoint = { packageId: 'hof-1', status: 'paused', resumePoint: 'one/b', reason: 'why', at: 5 };
const received: PipelineEvent = { now: 6, type: 'received', epoch: 2, conflicts: [], lifts: ['operator'] };

const play = (events: PipelineEvent[], from = initialPipeline(0)): PipelineState =>
  events.reduce((s, e) => reducePipeline(s, e, PHASES), from);
const opened: PipelineEvent = { now: 1, type: 'opened', epoch: 1 };
const pause: PipelineEvent = { now: 2, type: 'pause', by: 'op' };
const paused = play([opened, pause, { now: 5, type: 'checkpointed', checkpoint }]);

test('the cursor goes through all steps, and says where it is', () => {
  const seen: string[] = [];
  for (let at = { phase: 0, step: 0 }; !atEnd({ ...paused, at }, PHASES); at = stepAfter(at, PHASES)) {
    seen.push(`${resumePointOf(at, PHASES)} ${progressOfPipeline(at, PHASES).percent}`);
  }
  expect(seen).toEqual(['one/a 0', 'one/b 33', 'two/c 66']);
  expect(placeAt({ phase: 2, step: 0 }, PHASES)).toEqual({ phase: 'two', total: 1 });
  expect(progressOfPipeline({ phase: 2, step: 0 }, PHASES)).toEqual({ stepsDone: 3, steps: 3, percent: 100 });
});

describe('what becomes of a pipeline', () => {
  test('a pause drains first, then waits with its package', () => {
    expect(shownPipeline(play([opened, pause]))).toBe('draining');
    expect(paused).toMatchObject({ status: 'paused', checkpoint, holds: { operator: { reason: 'user-requested' } } });
  });

  test('a resume raises the epoch and takes package, failure and pause away; attempts stay those of before', () => {
    const step: PipelineEvent[] = [
      { now: 1, type: 'step_started' },
      { now: 1, type: 'attempt_failed', failure, counts: true, retryAt: 9 },
    ];
    const s = play([opened, ...step, pause, { now: 5, type: 'checkpointed', checkpoint }, received]);
    expect(s).toMatchObject({ status: 'running', epoch: 2, holds: {}, running: { attempt: 2 } });
    expect(s).not.toHaveProperty('checkpoint');
    expect(s).not.toHaveProperty('failure');
    expect(s.running).not.toHaveProperty('retryAt');
    const anew = play([
      opened,
      ...step,
      { now: 4, type: 'failed', failure },
      { now: 5, type: 'checkpointed', checkpoint },
      received,
    ]);
    expect(anew.running).toBeUndefined();
  });

  test('a pause that came while it was resumed, or that another has, takes hold again', () => {
    const s = play([{ now: 6, type: 'pause', by: 'mother', holder: 'parent' }, received], paused);
    expect(s).toMatchObject({ status: 'running', holds: { parent: { by: 'mother' } } });
    expect(shownPipeline(s)).toBe('draining');
  });

  test('an attempt that a dying worker took does not count', () => {
    const lost: PipelineEvent = { now: 1, type: 'attempt_failed', failure, counts: false, retryAt: 1 };
    expect(play([opened, lost, lost]).running).toMatchObject({ attempt: 1, lost: 2 });
    expect(play([opened, lost, { now: 2, type: 'step_started' }]).running).toEqual({ since: 1, attempt: 1, lost: 1 });
    expect(play([opened, lost, { now: 2, type: 'step_done' }]).running).toBeUndefined();
  });

  test('a move takes the package along; where it cannot be taken up there, it waits there', () => {
    const asked = play([opened, { now: 2, type: 'transfer', by: 'op', taskQueue: 'there' }]);
    expect(shownPipeline(asked)).toBe('draining');
    const moved = play(
      [
        { now: 5, type: 'checkpointed', checkpoint },
        { now: 6, type: 'moving' },
      ],
      asked,
    );
    expect(moved).toMatchObject({ status: 'transferring', moves: [{ to: 'there', packageId: 'hof-1' }] });
    expect(play([{ now: 7, type: 'receive_failed', failure }], moved)).toMatchObject({
      status: 'paused',
      holds: { operator: { by: 'handoff', reason: 'does not fit' } },
    });
    expect(play([received], moved)).toMatchObject({ status: 'running', at: { phase: 0, step: 0 } });
  });

  test('what a package says of the place counts', () => {
    const place = { at: { phase: 1, step: 0 }, entered: 0, transitions: 2 };
    expect(play([{ ...received, place }])).toMatchObject(place);
  });

  test('the first cancellation counts, and nothing changes what is over', () => {
    const cancel = (by: string): PipelineEvent => ({ now: 3, type: 'cancel', by, reason: 'why' });
    const s = play([cancel('a'), cancel('b'), { now: 4, type: 'closed', status: 'cancelled' }], paused);
    expect(s).toMatchObject({ status: 'cancelled', ending: { by: 'a' }, holds: {} });
    expect(play([pause, received], s)).toBe(s);
  });

  test('a pause ends by itself at its time', () => {
    const s = play([opened, { ...pause, until: 50 }]);
    expect([holdThatEnds(s, 49), holdThatEnds(s, 50)]).toEqual([undefined, 'operator']);
  });
});

describe('what does not fit is refused', () => {
  const states: Partial<Record<PipelineStatus, PipelineState>> = {
    running: play([opened]),
    paused,
    failed: play([opened, { now: 3, type: 'failed', failure }, { now: 5, type: 'checkpointed', checkpoint }]),
    transferring: { ...paused, status: 'transferring' },
    completed: play([opened, { now: 3, type: 'closed', status: 'completed' }]),
    cancelled: play([opened, { now: 3, type: 'closed', status: 'cancelled' }]),
  };
  const messages: Record<PipelineMessageName, object> = {
    pause: { by: 'op' },
    resume: { by: 'op' },
    transfer: { by: 'op', taskQueue: 'there' },
    cancel: { by: 'op', reason: 'why' },
  };
  const names = Object.keys(messages) as PipelineMessageName[];

  test.each(Object.entries(states))('%s takes what its row says', (status, state) => {
    const taken = names.filter((name) => !refusePipeline('s', state, name, messages[name]));
    expect(taken.toSorted()).toEqual([...PIPELINE_LIFE[status as PipelineStatus].accepts].toSorted());
    const code = refusePipeline('s', { ...state, ending: { by: 'x', reason: 'y' } }, 'pause', messages.pause)?.code;
    expect(code).toBe('PIPELINE_NOT_RUNNING');
  });

  test('another package than the present one, and one that is still being written', () => {
    const resume = (packageId: string, s: PipelineState) =>
      refusePipeline('s', s, 'resume', { by: 'op', packageId })?.params['why'];
    expect(resume('hof-0', paused)).toBe('Handoff package hof-0 is not the present one: it is superseded by hof-1');
    expect(resume('hof-1', paused)).toBeUndefined();
    const { checkpoint: _gone, ...writing } = states.failed!;
    expect(resume('hof-1', writing)).toBe('its package is still being written');
    expect(resume('hof-1', states.running!)).toBe('the pipeline of session s is running');
  });

  test.each([
    ['pause', {}, 'by: must be a text'],
    ['pause', { by: 'op', until: 'soon' }, 'until: must be a date'],
    ['resume', { by: 'op', merge: 'mine' }, 'merge: must be one of overwrite, keep-existing, newest-wins, fail'],
    ['transfer', { by: 'op' }, 'taskQueue: must be a text'],
    ['cancel', { by: 'op', reason: 'why', more: 1 }, 'more: unknown'],
    ['cancel', 'rubbish', 'one object is expected'],
  ] as const)('%s %j', (name, message, why) => {
    expect(faultOfPipelineMessage(name, message)).toContain(why);
  });
});

test('words say what it waits for and what to press', () => {
  const subject = { pipelineId: 'pl-1', session: 's', cloneId: 'c', pipelineVersion: '1' };
  const words = (s: PipelineState): string => pipelineWords(subject, PHASES, s);
  expect(words(paused)).toContain('**paused** since 1970-01-01 00:00:00 UTC — it waits for somebody to resume it');
  expect(words(paused)).toContain('Package `hof-1`');
  expect(words(paused)).toContain('**‖ one** (step 1 of 2: a) → two');
  expect(blockedPipeline(paused, PHASES)).toBe('paused by op: user-requested');
  const failed = play([opened, { now: 3, type: 'failed', failure }]);
  expect(words(failed)).toContain('one/a failed: does not fit (STATE_CONFLICT).');
  expect(blockedPipeline(failed, PHASES)).toBe('failed at one/a (STATE_CONFLICT)');
  expect(words(play([{ now: 4, type: 'closed', status: 'completed' }], failed))).toContain('**completed** at');
});

test('ids: a workflow’s, a package’s and a phase change’s', () => {
  const pipelineId = 'pl-01890000-0000-7000-8000-000000000000';
  expect(sessionOfWorkflow(pipelineWorkflowIdOf('a:b'))).toBe('a:b');
  expect(sessionOfWorkflow('handoff/a')).toBeUndefined();
  expect(packageIdOf(pipelineId, 3)).toBe('hof-01890000-0000-7000-8000-000000000000-3');
  const long = transitionIdOf({ session: `a:${'x'.repeat(126)}`, pipelineId }, 'f'.repeat(64), 't'.repeat(64), 12);
  expect(long).toMatch(HANDOFF_ID);
});

const event: fc.Arbitrary<PipelineEvent> = fc
  .record({
    now: fc.nat(1000),
    type: fc.constantFrom(
      ...(['opened', 'pause', 'unhold', 'transfer', 'cancel', 'step_started', 'attempt_failed', 'step_done'] as const),
      ...(['failed', 'transition_started', 'transition_done', 'checkpointed', 'unwritten', 'moving'] as const),
      ...(['received', 'receive_failed', 'continued', 'closed'] as const),
    ),
    holder: fc.constantFrom('operator' as const, 'parent' as const),
    status: fc.constantFrom('completed' as const, 'cancelled' as const),
  })
  .map(({ now, type, holder, status }) => {
    const more = { by: 'op', reason: 'why', taskQueue: 'there', holder, status, failure, counts: true, retryAt: now };
    return {
      ...more,
      now,
      type,
      checkpoint,
      epoch: now + 1,
      conflicts: [],
      lifts: [holder],
      handoffId: 'h',
    } as PipelineEvent;
  });

test('whatever happens in whatever order: time goes on, what is over stays so, and the cursor never goes back', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40, size: 'max' }), (events) => {
      let s = initialPipeline(0);
      for (const e of events) {
        const next = reducePipeline(s, e, PHASES);
        seen.add(next.status);
        expect(next.lastEventAt).toBeGreaterThanOrEqual(s.lastEventAt);
        expect(next.at.phase * 10 + next.at.step).toBeGreaterThanOrEqual(s.at.phase * 10 + s.at.step);
        const over = PIPELINE_LIFE[s.status].next.length === 0;
        expect(over && next !== s).toBe(false);
        // Twice the same and words for each: neither throws.
        expect(reducePipeline(s, e, PHASES)).toEqual(next);
        pipelineWords({ pipelineId: 'p', session: 's', cloneId: 'c', pipelineVersion: '1' }, PHASES, next);
        s = next;
      }
    }),
    seeded(300),
  );
  expect([...seen].toSorted()).toEqual(Object.keys(PIPELINE_LIFE).toSorted());
});
