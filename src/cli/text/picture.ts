import type { RunStatus, Retry } from '../../client.js';
import { remaining } from '../../core/clock.js';
import { contractName } from '../../core/contract.js';
import { ledgerDebt } from '../../core/debt.js';
import type { Effect } from '../../core/effect.js';
import { isBeforeAcceptance, isClosed, shownStep, type HandoffOutcome, type HandoffState } from '../../core/handoff.js';
import type { ArtifactRecord } from '../../core/manifest.js';
import { partyText } from '../../core/request.js';
import type { Returns } from '../../core/return-state.js';
import { STEP_MARKS, checkpointLines, span } from '../../core/words.js';
import type { ValidationSession } from '../../storage/validations.js';
import { passedTable } from './artifacts-text.js';
import { indented, section } from './layout.js';
import { causeLines, commandLines, nextCommands, withoutButtons } from './next.js';
import { factsText, outcomeText, titleOf, undoText } from './outcome-text.js';
import { clock, columns, plain, safe, table, took, when, type Paint } from './text.js';

interface Whole extends RunStatus {
  outcome?: HandoffOutcome;
  effects: Effect[];
  validations: ValidationSession[];
  artifacts: ArtifactRecord[];
  link?: string;
}

/** Everything about one handoff, for `show`. */
export function picture(paint: Paint, h: Whole): string {
  const { subject, state } = h;
  const parts: (string | undefined)[] = [
    heading(paint, h),
    h.words === undefined ? undefined : indented(plain(withoutDebt(withoutButtons(h.words)))),
    h.outcome && indented(outcomeText(paint, h.outcome).split('\n')[0]!),
    state && nextSection(paint, h, state),
    h.retries && section(paint, 'Tried again', retriesText(h.retries)),
    state && section(paint, 'Steps', stepsTable(paint, state)),
    state && section(paint, 'Acceptance', acceptanceText(state)),
    state?.returns && section(paint, 'Returns', returnsTable(paint, state.returns)),
    state && Object.keys(state.holds).length > 0 ? section(paint, 'Paused', holdsText(state)) : undefined,
    // A run that answers says it all in its words.
    h.words === undefined && state?.incidents.length ? section(paint, 'Incidents', incidentsText(state)) : undefined,
    section(paint, 'Effects', effectsTable(paint, h.effects, width())),
    state && debtSection(paint, state, h.effects),
    h.artifacts.length > 0
      ? section(paint, 'Artifacts', passedTable(paint, h.artifacts, h.handoffId, width()))
      : undefined,
    section(paint, 'Validations', validationsTable(paint, h.validations)),
    h.link && section(paint, 'Web UI', h.link),
    h.from === 'storage' ? paint.yellow('No worker answers; this is the last record.') : undefined,
    subject ? undefined : 'Neither a worker nor the folder knows more of it.',
  ];
  return parts.filter((part) => part !== undefined && part !== '').join('\n\n');
}

/** The ledger's word on that is exact, and stands in a section of its own. */
const withoutDebt = (words: string): string =>
  words
    .split('\n\n')
    .filter((part) => !part.startsWith('A cancel now '))
    .join('\n\n');

function nextSection(paint: Paint, h: Whole, state: HandoffState): string | undefined {
  const commands = nextCommands(h.handoffId, state, h.subject);
  if (commands.length === 0) return undefined;
  return section(paint, 'What to type', commandLines(paint, commands));
}

/** From the ledger, which knows each single effect: what a cancellation now would take back, and what it could not. */
function debtSection(paint: Paint, state: HandoffState, effects: readonly Effect[]): string | undefined {
  if (isClosed(state.status) || state.ending) return undefined;
  const { undo, cannot } = ledgerDebt(effects);
  const names = (some: readonly Effect[]): string =>
    some.map((e) => `${titleOf(e.step)} (${shortResource(e.resource)})`).join(', ');
  const lines = [
    undo.length > 0 ? `would undo ${undo.length}, newest first: ${names(undo)}` : 'would have nothing to undo',
    ...(cannot.length > 0 ? [`could not undo ${cannot.length}: ${names(cannot)}`] : []),
  ];
  return section(paint, 'A cancel now', safe(lines.join('\n')));
}

function heading(paint: Paint, { handoffId, subject, status }: Whole): string {
  if (!subject) return `${paint.bold(handoffId)}  ${status}`;
  const { procedure, session, priority, type, contract } = subject;
  const route = `${partyText(subject.source)} → ${partyText(subject.target)}`;
  return [
    `${paint.bold(handoffId)}  ${route}`,
    `${procedure.id} ${procedure.version} (${procedure.digest.slice(0, 12)}) · session ${session} · ${type} · ${priority}`,
    ...(contract ? [`contract ${contractName(contract)} (${contract.digest.slice(0, 12)})`] : []),
  ].join('\n');
}

/** Of what stands below a title. */
const width = (): number => columns() - 2;

const retriesText = (retries: readonly Retry[]): string =>
  retries
    .map(({ activity, attempt, maximumAttempts, nextAt, error }) => {
      const which = `attempt ${attempt}${maximumAttempts ? ` of ${maximumAttempts}` : ''}`;
      const time = nextAt && nextAt > Date.now() ? ` begins at ${clock(nextAt)}` : '';
      return safe(`${titleOf(activity)}: ${which}${time}, because: ${error}`);
    })
    .join('\n');

function stepsTable(paint: Paint, state: HandoffState): string {
  const rows = Object.entries(state.steps).map(([id, s]) => {
    const time = s.startedAt !== undefined && s.finishedAt !== undefined ? took(s.finishedAt - s.startedAt) : '';
    const more = s.error ? `${s.error.code}: ${s.error.message}` : (s.note ?? factsText(s.facts));
    const shown = shownStep(state, s);
    return [
      `${STEP_MARKS[shown]} ${titleOf(id)}`,
      shown.replace('_', ' '),
      s.epoch > 1 ? `epoch ${s.epoch}` : '',
      time,
      oneLine(more),
    ];
  });
  return table(paint, ['STEP', 'STATUS', '', 'TIME', ''], rows, 'None has begun.', width());
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

function acceptanceText({ acceptance: a, lease, expiry, completion, status }: HandoffState): string {
  const now = Date.now();
  const open = isBeforeAcceptance(status);
  const lines = [
    a.epoch === 0 || a.offeredAt === undefined ? 'Not offered.' : `Offer ${a.epoch}, made ${when(a.offeredAt)}.`,
    ...(a.by && a.at ? [`Accepted by ${a.by} at ${when(a.at)}.`] : []),
    ...(lease ? [`The lease has ${span(remaining(lease, now))} left; ${a.lapses} lapsed.`] : []),
    ...(completion ? [`Completed by ${completion.by} at ${when(completion.at)}.`] : []),
    ...(open
      ? [
          `${span(remaining(expiry, now))} left until it expires${expiry.runningSince ? '' : '; the clock stands still'}.`,
        ]
      : []),
  ];
  return safe(lines.join('\n'));
}

/** What is owed: how long still, or since when it is there. */
function returnsTable(paint: Paint, returns: Returns): string {
  const now = Date.now();
  const rows = Object.entries(returns).map(([name, r]) => {
    const left = r.deadline
      ? `${span(remaining(r.deadline, now))} left${r.deadline.runningSince === undefined ? '; the clock stands still' : ''}`
      : '';
    const marks = [
      ...(r.critical ? ['critical'] : []),
      ...(r.lateSince === undefined ? [] : ['LATE']),
      ...(r.asks > 0 ? [`asked again ${r.asks} ×`] : []),
      ...(r.rounds > 0 ? [`${r.rounds} × faults`] : []),
    ].join(', ');
    const more = r.receivedAt === undefined ? (r.note ?? left) : `from ${r.by ?? '?'} at ${when(r.receivedAt)}`;
    return [name, r.checking ? 'being checked' : r.status, marks, oneLine(more)];
  });
  return table(paint, ['NAME', 'STATUS', '', ''], rows, 'None.', width());
}

const holdsText = (state: HandoffState): string =>
  [
    ...Object.entries(state.holds).map(([holder, h]) => {
      const until = h.until ? `; resumes by itself at ${when(h.until)}` : '';
      return safe(`By ${h.by} (${holder}) since ${when(h.at)}: ${h.reason}${until}`);
    }),
    ...checkpointLines(state).map(plain),
  ].join('\n');

const incidentsText = ({ incidents }: HandoffState): string =>
  incidents
    .map((i) => {
      const where = i.kind === 'undo' ? undoText(i) : i.kind === 'step' ? `step ${titleOf(i.step ?? '')}` : i.kind;
      return safe(`${i.id}, ${where}, since ${when(i.at)}: ${causeLines(i).join('\n  ')}`);
    })
    .join('\n');

/** The ledger of a handoff. Its keys share their beginning, so only what differs is shown. */
export function effectsTable(paint: Paint, effects: readonly Effect[], width = columns()): string {
  const rows = effects.map((e) => [
    e.seq,
    e.status + (e.undoResult && e.undoResult !== 'undone' ? ` (${e.undoResult.replaceAll('_', ' ')})` : ''),
    titleOf(e.step) + (e.epoch > 1 ? ` /${e.epoch}` : ''),
    e.kind,
    shortResource(e.resource),
  ]);
  return table(paint, ['#', 'STATUS', 'STEP', 'KIND', 'WHAT'], rows, 'None.', width);
}

/** A file by its last two path parts; the others are short already. */
function shortResource(resource: string): string {
  if (!resource.startsWith('file:')) return resource.slice(resource.indexOf(':') + 1);
  return resource.slice(5).split('/').slice(-2).join('/');
}

function validationsTable(paint: Paint, sessions: readonly ValidationSession[]): string {
  const rows = sessions.flatMap((v) =>
    v.results.map((r) => [
      titleOf(v.step ?? ''),
      r.passed ? '✓' : '✗',
      `${r.rule} ${r.name}`,
      r.severity,
      `${r.durationMs} ms`,
      oneLine(r.message),
    ]),
  );
  return table(paint, ['STEP', '', 'RULE', 'SEVERITY', 'TIME', ''], rows, 'None.', width());
}
