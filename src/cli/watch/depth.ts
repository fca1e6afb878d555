import type { RunStatus } from '../../client.js';
import { ledgerDebt } from '../../core/debt.js';
import type { Effect } from '../../core/effect.js';
import { isClosed, shownStep, type HandoffOutcome, type HandoffState } from '../../core/handoff.js';
import { list, outstanding } from '../../core/returns.js';
import { STEP_MARKS, span } from '../../core/words.js';
import { causeLines, nextCommands } from '../text/next.js';
import { factsText, outcomeText, titleOf, undoText } from '../text/outcome-text.js';
import { clock, safe, table, took, type Paint } from '../text/text.js';
import { fit } from '../text/width.js';
import type { Size } from './board.js';
import { etaText, type Row } from './rows.js';

/** Everything that the view of one handoff shows. */
export interface Depth {
  status: RunStatus;
  row: Row;
  effects?: readonly Effect[];
  /** By step; the database counts them, also those that are in flight. */
  attempts: Record<string, { epoch: number; attempts: number }>;
  outcome?: HandoffOutcome;
  link?: string;
  note: string | undefined;
  keys: boolean;
  now: number;
}

/** One handoff as lines, none wider than the terminal and no more than it has. */
export function depth(paint: Paint, d: Depth, size: Size): string[] {
  const { status, row, now, outcome } = d;
  const { state, subject } = status;
  const sections: string[][] = [
    heading(paint, d),
    ...(state ? [stepLines(paint, state, d, size.columns), waitLines(paint, row, state, now)] : []),
    ...(state ? [incidentLines(paint, state, now)] : []),
    state && !isClosed(state.status)
      ? nextCommands(row.handoffId, state, subject).map((c) => `$ ${safe(c.command)}`)
      : [],
    outcome ? outcomeText(paint, outcome).split('\n') : [debtLine(d)].flatMap((line) => line ?? []),
    d.link ? [paint.dim(d.link)] : [],
    d.keys ? [paint.dim('q quits')] : [],
  ];
  const lines = sections.filter((s) => s.length > 0).flatMap((s, i) => (i === 0 ? s : ['', ...s]));
  const cut = lines.length > size.rows;
  const shown = cut ? [...lines.slice(0, Math.max(0, size.rows - 1)), paint.dim('…')] : lines;
  return shown.map((line) => fit(line.replaceAll('\n', ' '), size.columns));
}

function heading(paint: Paint, { row, status, note, now }: Depth): string[] {
  const { subject } = status;
  const eta = etaText(row);
  const facts = subject
    ? [`${subject.procedure.id} ${subject.procedure.version}`, `session ${subject.session}`, subject.priority]
    : [row.procedure];
  return [
    `${paint.bold(safe(row.handoffId))}  ${safe(row.route ?? '')}`.trimEnd(),
    `${safe(facts.join(' · '))} · started ${span(now - row.createdAt)} ago · ${paint.dim(clock(now))}`,
    `${statusText(paint, row)}${row.done === undefined ? '' : `  ${bar(row.done)} ${row.done} %`}${eta ? `  ${row.late ? paint.magenta(eta) : eta}` : ''}`,
    ...(note ? [paint.yellow(safe(note))] : []),
  ];
}

function statusText(paint: Paint, { shown, waitsFor }: Row): string {
  const text = paint.bold(safe(shown));
  if (['incident', 'failed', 'expired', 'rejected', 'cancelled'].includes(shown)) return paint.red(text);
  return shown === 'completed' || waitsFor === undefined ? paint.green(text) : paint.yellow(text);
}

const BAR = 20;
function bar(percent: number): string {
  const full = Math.round((BAR * percent) / 100);
  return '█'.repeat(full) + '░'.repeat(BAR - full);
}

function stepLines(paint: Paint, s: HandoffState, { attempts, now }: Depth, width: number): string[] {
  const rows = Object.entries(s.steps).map(([id, step]) => {
    const { startedAt, finishedAt, error, note, facts } = step;
    const shown = shownStep(s, step);
    const counted = attempts[id];
    const tries = counted?.epoch === step.epoch ? counted.attempts : step.attempts;
    const time =
      startedAt === undefined || shown === 'waiting'
        ? ''
        : finishedAt === undefined
          ? shown === 'running'
            ? `for ${span(now - startedAt)}`
            : ''
          : took(finishedAt - startedAt);
    const offered = facts?.['offered'] === true ? 'offered' : factsText(facts);
    const more = shown === 'stopped' || shown === 'not_reached' ? shown.replace('_', ' ') : offered;
    return [
      `${STEP_MARKS[shown]} ${titleOf(id)}`,
      startedAt === undefined ? '' : clock(startedAt),
      time,
      tries > 1 ? String(tries) : '',
      step.epoch > 1 ? String(step.epoch) : '',
      (error ? `${error.code}: ${error.message}` : (note ?? more)).replaceAll('\n', ' '),
    ];
  });
  return table(paint, ['STEP', 'BEGAN', 'TIME', 'ATTEMPT', 'EPOCH', ''], rows, 'No step has begun.', width).split('\n');
}

/** What it waits for, and what runs out when. */
function waitLines(
  paint: Paint,
  { waitsFor, since, deadline: d, forecast }: Row,
  s: HandoffState,
  now: number,
): string[] {
  const lines = waitsFor ? [`Waits for ${safe(waitsFor)}, for ${span(now - since)}.`] : [];
  if (forecast) {
    const till = {
      offer: 'To be offered',
      acceptance: 'To be accepted',
      completion: 'To be completed',
      end: 'To be done',
    };
    const { usualMs, slowMs, samples } = forecast;
    lines.push(
      `${till[forecast.until]} usually takes ${span(usualMs)} from here; 95 in 100 within ${span(slowMs)} (${samples} completed ones).`,
    );
  }
  const late = outstanding(s).flatMap(([name, r]) =>
    r.lateSince === undefined ? [] : [`${name} for ${span(now - r.lateSince)}`],
  );
  if (late.length > 0) lines.push(paint.magenta(safe(`Late: ${list(late)}.`)));
  const { acceptance: a } = s;
  if (a.epoch > 1) lines.push(`It is at offer ${a.epoch}; ${a.lapses} leases lapsed.`);
  if (d) {
    const what = {
      lease: 'until the lease is over and it is offered again',
      expiry: 'until it expires',
      return: `until ${safe(d.of ?? 'a return')} is due`,
    }[d.what];
    const left = `${span(d.leftMs)} left ${what}${d.stands ? '; the clock stands still' : ''}.`;
    lines.push(d.near ? paint.magenta(left) : left);
  }
  return lines;
}

const incidentLines = (paint: Paint, { incidents }: HandoffState, now: number): string[] =>
  incidents.flatMap((i) => {
    const where = i.kind === 'undo' ? undoText(i) : i.step ? titleOf(i.step) : i.kind;
    const [cause = '', ...more] = causeLines(i);
    const lines = [`! ${i.id}, ${where}, for ${span(now - i.at)}: ${cause}`, ...more.map((line) => `  ${line}`)];
    return lines.map((line) => paint.red(safe(line.replaceAll('\n', ' '))));
  });

/** What a cancel would undo this moment. */
function debtLine({ effects, status, outcome }: Depth): string | undefined {
  if (!effects || outcome || !status.state || isClosed(status.state.status) || status.state.ending) return undefined;
  const { undo, cannot } = ledgerDebt(effects);
  const count = (n: number): string => (n === 1 ? '1 effect' : `${n} effects`);
  if (undo.length + cannot.length === 0) return 'A cancel now would have nothing to undo.';
  const stays = cannot.length > 0 ? `; ${count(cannot.length)} cannot be undone` : '';
  return `A cancel now would undo ${count(undo.length)}${stays}.`;
}
