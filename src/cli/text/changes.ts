import { heldStep, isPaused, shownStatus, type HandoffState } from '../../core/handoff.js';
import { partyText, type Subject } from '../../core/request.js';
import { list } from '../../core/returns.js';
import { utc } from '../../core/date.js';
import { STEP_MARKS } from '../../core/words.js';
import { nextCommands } from './next.js';
import { effectText, factsText, titleOf, undoText } from './outcome-text.js';
import { returnChanges } from './return-changes.js';
import { safe, took, type Paint } from './text.js';

/** A step that is over within this time is told once, when it is. */
const LONG_MS = 1000;

/**
 * What happened between two looks at a handoff, a line each, in the order in which a person would tell it.
 * `before` is undefined at the first look; `announced` keeps, over all looks, which steps were told to be at work.
 */
export function changes(
  paint: Paint,
  subject: Subject,
  before: HandoffState | undefined,
  now: HandoffState,
  announced: Set<string>,
): string[] {
  const lines = [
    ...stepLines(paint, before, now, announced),
    ...pauseLines(paint, before, now),
    ...dateLines(paint, before, now),
  ];
  const id = subject.handoffId;
  if (before?.status !== now.status) lines.push(...statusLines(paint, subject, now));
  lines.push(...returnChanges(paint, before, now));
  for (const i of now.incidents) {
    if (before?.incidents.some((known) => known.id === i.id)) continue;
    const what = i.kind === 'return' ? `return of ${list(i.returns ?? [])}` : titleOf(i.step ?? i.kind);
    const where = i.kind === 'undo' ? undoText(i) : what;
    lines.push(
      paint.yellow(safe(`! incident ${i.id}, ${where}: ${i.error.message}`)),
      `  next: handoff retry ${id} --reason "…"   or: handoff resolve ${id} --reason "…"`,
    );
  }
  const { ending } = now;
  if (ending && !before?.ending && now.undone.length + Number(now.status === 'compensating') > 0) {
    const by = ending.by === 'handoff' ? '' : ` — ${safe(`${ending.by}: ${ending.reason}`)}`;
    lines.push(paint.yellow(`↶ ${ending.outcome}${by}: undoing what was done`));
  }
  for (const u of now.undone.slice(before?.undone.length ?? 0)) {
    lines.push(safe(`↶ ${effectText(u.key)} — ${u.result.replaceAll('_', ' ')}`));
  }
  return lines;
}

function stepLines(
  paint: Paint,
  before: HandoffState | undefined,
  now: HandoffState,
  announced: Set<string>,
): string[] {
  return Object.entries(now.steps).flatMap(([id, step]) => {
    const was = before?.steps[id]?.status ?? 'waiting';
    const offered = step.facts?.['offered'] === true;
    const title = titleOf(id);
    if (step.status === 'running') {
      const key = `${id}/${step.epoch}`;
      const short = step.startedAt === undefined || Date.now() - step.startedAt < LONG_MS;
      if (offered || short || announced.has(key)) return [];
      announced.add(key);
      return [`${STEP_MARKS.running} ${title}`];
    }
    if (was === step.status || step.status === 'waiting') return [];
    if (step.status === 'failed') {
      // A validation's message begins with the step's name, which stands there already.
      const why = (step.error?.message ?? 'failed').replace(`${title}: `, '');
      return [paint.red(safe(`${STEP_MARKS.failed} ${title} — ${why}`))];
    }
    const facts = factsText(step.facts) || safe(step.note ?? '');
    const { startedAt, finishedAt } = step;
    const time = startedAt && finishedAt && finishedAt - startedAt >= 1000 ? ` (${took(finishedAt - startedAt)})` : '';
    return [`${paint.green(STEP_MARKS[step.status])} ${title}${facts ? ` — ${facts}` : ''}${time}`];
  });
}

function pauseLines(paint: Paint, before: HandoffState | undefined, now: HandoffState): string[] {
  const was = before ? isPaused(before) : false;
  if (isPaused(now)) {
    const shown = shownStatus(now);
    if (was && before && shownStatus(before) === shown) return [];
    const hold = now.holds.operator ?? now.holds.parent;
    const what = shown === 'draining' ? 'pausing, a step still ends' : 'paused';
    return [paint.yellow(`‖ ${what} — ${safe(`${hold?.by ?? ''}: ${hold?.reason ?? ''}`)}`)];
  }
  return was ? ['▶ resumed'] : [];
}

/** What a contract's dates do: a step that waits for its own, and an end that has passed. */
function dateLines(paint: Paint, before: HandoffState | undefined, now: HandoffState): string[] {
  const held = heldStep(now);
  const wait = held && before?.waitsUntil?.step !== held.step;
  const { late } = now;
  return [
    ...(wait ? [safe(`… ${titleOf(held.step)} waits for ${held.on}, ${utc(held.at)}`)] : []),
    ...(late && before?.late?.what !== late.what ? [paint.yellow(safe(`! late: ${late.what}`))] : []),
  ];
}

function statusLines(paint: Paint, subject: Subject, now: HandoffState): string[] {
  const { status, acceptance } = now;
  const id = subject.handoffId;
  const target = subject.target.agent ?? partyText(subject.target);
  if (status === 'pending') return now.waitsFor ? [safe(`… waits for ${now.waitsFor}`)] : [];
  if (status === 'awaiting_acceptance') {
    return [
      `… waits for ${partyText(subject.target)} to accept (offer ${acceptance.epoch})`,
      `  next: handoff accept ${id} --by ${target}`,
    ];
  }
  if (status === 'accepted') {
    const [next] = nextCommands(id, now, subject);
    const hint = next ? [safe(`  next: ${next.command}`)] : [];
    if (acceptance.auto || !acceptance.by) return [`${paint.green('✓')} accepted`, ...hint];
    return [`${paint.green('✓')} accepted by ${safe(acceptance.by)} (epoch ${acceptance.epoch})`, ...hint];
  }
  return [];
}
