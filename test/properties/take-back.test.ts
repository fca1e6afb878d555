import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  allStepsDone,
  isClosed,
  isPaused,
  isTakenBack,
  runningSteps,
  type HandoffState,
  type TakeBack,
} from '../../src/core/handoff.js';
import { mayComplete, type HandoffEvent } from '../../src/core/reducer.js';
import type { HandoffInput } from '../../src/core/request.js';
import { Run } from '../../src/workflows/handoff/run.js';
import { PRELUDES, PROCEDURE, fresh, play, repairDeed } from './deeds.js';
import { runs, seeded } from './seed.js';

function holds(fact: boolean, what: string): void {
  if (!fact) throw new Error(`does not hold: ${what}`);
}

const deeds = fc
  .tuple(fc.constantFrom(...PRELUDES), fc.array(repairDeed, { minLength: 20, maxLength: 90, size: 'max' }))
  .map(([before, random]) => [...before, ...random]);
const ready = (s: HandoffState): string[] => new Run({} as HandoffInput, PROCEDURE, s).readySteps();
const isOffered = (s: HandoffState, id: string): boolean => {
  const facts = s.steps[id]!.facts;
  return facts?.['offered'] === true || facts?.['acceptedBy'] !== undefined;
};

/** What is true of every state, whatever led to it. */
function always(s: HandoffState): void {
  const parts = s.takingBack ?? [];
  holds(s.takingBack === undefined || parts.length > 0, 'nothing taken back is no list');
  if (s.ending || isClosed(s.status)) {
    holds(parts.length === 0, 'an ended handoff takes nothing back but all');
    return holds(!s.incidents.some((i) => i.kind === 'step'), 'an ended handoff has no incident of a step');
  }
  for (const [id, { status }] of Object.entries(s.steps)) {
    const incidents = s.incidents.filter((i) => i.kind === 'step' && i.step === id);
    const goesBack = isTakenBack(s, id);
    holds(incidents.length === Number(status === 'failed' && !goesBack), `${id} is ${status}: ${incidents.length}`);
  }
  holds(!ready(s).some((id) => isTakenBack(s, id)), 'a step that is taken back does not start');
  holds(!mayComplete(s, false) || (parts.length === 0 && s.incidents.length === 0), 'what is repaired cannot complete');
  const waits = s.status === 'pending' || isPaused(s) || s.incidents.length > 0 || parts.length > 0;
  const moves = runningSteps(s).length > 0 || ready(s).length > 0 || allStepsDone(s);
  holds(waits || moves, `it has something to do or to wait for: ${JSON.stringify(s.steps)}`);
}

/** Beginning to take a part back changes nothing but what is open in it. */
function begins(before: HandoffState, after: HandoffState, part: TakeBack): 'void' | 'no offer' {
  const others = Object.keys(after.steps).filter((id) => !part.steps.includes(id));
  holds(
    others.every((id) => after.steps[id] === before.steps[id]),
    'other branches keep what they did',
  );
  if (!part.steps.some((id) => isOffered(before, id))) {
    holds(after.status === before.status && after.acceptance === before.acceptance, 'the acceptance stays');
    holds(after.expiry === before.expiry && after.lease === before.lease, 'the clocks stay');
    return 'no offer';
  }
  holds(after.status === 'running' && after.acceptance.by === undefined, 'nobody holds what is taken back');
  holds(after.lease === undefined && after.completion === undefined, 'its lease and its completion are void');
  holds(after.acceptance.epoch === before.acceptance.epoch, 'the next offer has the next epoch');
  return 'void';
}

/** Once it is taken back, each of its steps is as if it had never run, and only `step` is what was asked for. */
function ends(before: HandoffState, after: HandoffState): string {
  const [part, ...rest] = before.takingBack!;
  holds((after.takingBack ?? []).length === rest.length, 'the first of them is over');
  for (const [id, step] of Object.entries(after.steps)) {
    const was = before.steps[id]!;
    if (!part!.steps.includes(id)) {
      holds(step === was, `${id} is another branch`);
      continue;
    }
    holds(step.epoch === was.epoch + 1 && step.attempts === 0, `${id} is at its next epoch, with all its attempts`);
    const stays = part!.becomes === 'resolved';
    holds(step.facts === undefined && (stays || step.startedAt === undefined), `${id} has never run`);
    holds(id === part!.step || step.status === 'waiting', `${id} is ${step.status}`);
  }
  const { status } = after.steps[part!.step]!;
  const opened = after.incidentCount > before.incidentCount;
  const further = rest.some((t) => t.steps.includes(part!.step));
  const retried = part!.becomes === 'retried';
  const becomes =
    part!.becomes === 'skipped'
      ? 'skipped'
      : part!.becomes === 'resolved'
        ? 'finished'
        : retried || further
          ? 'waiting'
          : 'failed';
  holds(status === becomes && opened === (becomes === 'failed'), `${part!.step} is ${status}, not ${becomes}`);
  return becomes === 'waiting' && !retried ? 'goes further back' : becomes;
}

/** Which kind of repair an event is, where it takes something back. */
function kindOf(event: HandoffEvent): string | undefined {
  if (event.type === 'skipStep') return 'skip';
  if (event.type === 'retryStep' && event.mayRunOn) return 'retry';
  if (event.type === 'resolveIncident' && event.mayRunOn) return 'resolve';
  return event.type === 'rollback' && event.toStep ? 'back' : undefined;
}

test('what is taken back never starts, other branches are left alone, and nothing is left without a way on', () => {
  const seen: Record<string, number> = {};
  const note = (what: string): void => void (seen[what] = (seen[what] ?? 0) + 1);
  fc.assert(
    fc.property(fc.constantFrom('stop' as const, 'run' as const), deeds, (clockWhilePaused, all) => {
      play(fresh(clockWhilePaused), all, (before, event, after) => {
        always(after);
        const grew = (after.takingBack?.length ?? 0) > (before.takingBack?.length ?? 0);
        const kind = kindOf(event);
        if (kind && grew) {
          note(kind);
          note(begins(before, after, after.takingBack!.at(-1)!));
          if (before.takingBack) note('in a row');
        }
        if (event.type === 'taken_back') note(ends(before, after));
        if (before.takingBack && after.ending) note(`then ${after.ending.outcome}`);
        if (before.takingBack && event.type === 'undo_failed' && !before.ending) note('undo failed');
        if (before.takingBack && isPaused(after)) note('paused');
        const skipped = Object.keys(before.steps).filter((id) => before.steps[id]!.status === 'skipped');
        const reopened = skipped.some((id) => after.steps[id]!.status !== 'skipped');
        holds(!reopened || event.type === 'taken_back', `${event.type} reopened what was skipped`);
      });
    }),
    seeded(runs(2000)),
  );
  const wanted = [
    'skip, retry, resolve, back, void, no offer, in a row',
    'skipped, finished, waiting, failed, goes further back, undo failed, paused, then cancelled, then expired, then failed',
  ].flatMap((line) => line.split(', '));
  expect(wanted.filter((what) => !seen[what])).toEqual([]);
});
