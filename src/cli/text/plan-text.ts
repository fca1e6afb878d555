import { contractName } from '../../core/contract.js';
import { partyText } from '../../core/request.js';
import { span } from '../../core/words.js';
import type { HandoffPlan, PlanIssue, PlannedStep, PlannedTrigger } from '../../plan/plan.js';
import { indented, section, wrapped } from './layout.js';
import { bytes, safe, table, when, type Paint } from './text.js';

const RULE_MARKS = { passed: '✓', failed: '✗', open: '·', not_run: '?' } as const;

/** A plan for people. `command` is what would start it. */
export function planText(paint: Paint, plan: HandoffPlan, command: string, width: number): string {
  const rules = rulesText(plan);
  const list = (lines: string[]): string => lines.map((line) => wrapped(line, width - 2)).join('\n');
  const parts: (string | undefined)[] = [
    heading(paint, plan, width),
    section(paint, 'Steps', stepsTable(paint, plan, width)),
    rules.length > 0 ? section(paint, 'Rules that are not passed', list(rules)) : undefined,
    section(paint, 'What they would do', plan.steps.flatMap((s, i) => deedLines(s, i, plan, width)).join('\n')),
    section(paint, 'Rollback plan', list(rollbackLines(plan))),
    plan.irreversible.length > 0
      ? section(paint, 'Cannot be undone', list(plan.irreversible.map((s) => `${s.name} (${s.action})`)))
      : undefined,
    plan.unreachable.length > 0
      ? section(paint, 'Not reachable', list(plan.unreachable.map((u) => `${u.agent} (${u.as.join(', ')}): ${u.why}`)))
      : undefined,
    verdict(paint, plan, command, width),
  ];
  return parts.filter((p) => p !== undefined).join('\n\n');
}

function heading(
  paint: Paint,
  { request: r, procedure: p, contract: c, estimatedMinutes, existing }: HandoffPlan,
  width: number,
): string {
  const facts = [
    r.handoffId ? `id ${r.handoffId}` : 'a new id',
    `session ${r.session ?? 'of its own'}`,
    r.type,
    r.priority,
    ...(r.startAfter ? [`not before ${when(Date.parse(r.startAfter))}`] : []),
    ...(r.triggerAfter ? [`its target not before ${when(Date.parse(r.triggerAfter))}`] : []),
    `expires in ${span(Date.parse(r.expiresAt) - Date.now())}`,
    ...(estimatedMinutes === undefined ? [] : [`takes about ${estimatedMinutes} min`]),
    ...(existing ? [`${existing.handoffId} is there already: ${existing.status}`] : []),
  ];
  return [
    paint.bold(safe(`${partyText(r.source)} → ${partyText(r.target)}`)),
    wrapped(`${p.id} ${p.version} (${p.digest.slice(0, 12)}) · ${p.name}`, width),
    ...(c ? [`contract ${contractName(c)} (${c.digest.slice(0, 12)})`] : []),
    wrapped(facts.join(' · '), width),
  ].join('\n');
}

const clip = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function stepsTable(paint: Paint, plan: HandoffPlan, width: number): string {
  const number = new Map(plan.steps.map((s, i) => [s.step, i + 1]));
  const nameWidth = width < 100 ? 30 : 50;
  const rows = plan.steps.map((s, i) => [
    markOf(s, plan),
    `${i + 1} ${clip(s.name, nameWidth)}`,
    clip(s.action, 14),
    clip(s.after.map((id) => number.get(id) ?? id).join(', '), 8),
    filled(
      s.rules.map((r) => `${r.rule} ${RULE_MARKS[r.result]}`),
      width < 100 ? 18 : 40,
    ),
  ]);
  return table(paint, ['', 'STEP', 'ACTION', 'AFTER', 'RULES'], rows, 'None.');
}

/** As many words on a line as fit. */
function filled(words: string[], width: number): string {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + word.length <= width) lines[lines.length - 1] = `${last}  ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** ✗: something stands against it. ·: it cannot be told yet. */
function markOf(step: PlannedStep, { issues }: HandoffPlan): string {
  if (issues.some((i) => i.step === step.step)) return '✗';
  return step.rules.some((r) => r.result === 'open' || r.result === 'not_run') ? '·' : '✓';
}

const rulesText = ({ steps }: HandoffPlan): string[] => [
  ...new Set(
    steps.flatMap((s) =>
      s.rules
        .filter((r) => r.result !== 'passed')
        .map((r) => {
          const severity = r.severity ? ` (${r.severity}${r.stops ? '' : ', only warns'})` : '';
          return `${RULE_MARKS[r.result]} ${r.rule} ${r.name}${severity}: ${r.message}`;
        }),
    ),
  ),
];

/** Of many files or entries, the first are shown. */
const SHOWN = 10;

function deedLines(step: PlannedStep, index: number, plan: HandoffPlan, width: number): string[] {
  const [what, details] = deedText(step, plan);
  const shown = details.slice(0, SHOWN);
  if (details.length > SHOWN) shown.push(`and ${details.length - SHOWN} more`);
  return [`${index + 1} ${step.name}: ${what}`, ...shown.map((d) => `    ${d}`)].map((line) =>
    wrapped(line, width - 2),
  );
}

const held = (by: string | undefined): string => (by ? `, reserved by ${by}` : '');

function deedText(step: PlannedStep, { request }: HandoffPlan): [what: string, details: string[]] {
  const { deed } = step;
  switch (deed.kind) {
    case 'validate':
      return ['only its rules', []];
    case 'confirm':
      return [deed.acceptance === 'auto' ? `is accepted for ${deed.by} at once` : `waits for ${deed.by} to accept`, []];
    case 'trigger':
      return [triggerText(deed), []];
    case 'own':
      return [`runs ${step.action} with ${clip(JSON.stringify(deed.with), 200)}`, []];
    case 'sync_state':
      return [
        `sets the state of session ${request.session ?? '(its own)'}`,
        [
          ...deed.context.map(
            (c) => `context ${c.key}: ${c.version ? `replaces version ${c.version}` : 'new'}${held(c.reservedBy)}`,
          ),
          ...deed.phases.map((p) => `phase ${p.phase}: ${p.from ?? 'no record'} → ${p.to}${held(p.reservedBy)}`),
        ],
      ];
    case 'transfer': {
      const { artifacts, context } = deed;
      const size = (artifacts ?? []).reduce((sum, a) => sum + (a.size ?? 0), 0);
      const what = [
        ...(context
          ? [`delivers ${counted(context.keys.length, 'context entry', 'context entries')} (${bytes(context.bytes)})`]
          : []),
        ...(artifacts ? [`brings ${counted(artifacts.length, 'artifact', 'artifacts')} (${bytes(size)})`] : []),
      ];
      return [
        what.join(', ') || 'nothing',
        (artifacts ?? []).map((a) => {
          const change = a.replaces ? `replaces ${bytes(a.replaces.size)}` : 'new';
          return `${a.size === undefined ? 'cannot be sent' : bytes(a.size)} → ${shortPath(a.destination)}: ${change}${held(a.reservedBy)}`;
        }),
      ];
    }
  }
}

function triggerText({ starts, to = 'handoff/<id>/next/1', name = '', taskQueue, sends }: PlannedTrigger): string {
  const what = sends === 'own' ? 'the arguments given' : 'what has arrived';
  const queue = taskQueue === undefined ? '' : ` on task queue ${taskQueue}`;
  if (starts === 'signal') return `signals ${name} to workflow ${to} with ${what}`;
  if (starts === 'workflow') return `starts workflow ${name} as ${to}${queue} with ${what}; an undo cancels it`;
  return starts === 'webhook' ? `calls ${to} with ${what}` : 'has nothing to trigger';
}

const counted = (n: number, one: string, several: string): string => `${n} ${n === 1 ? one : several}`;

const shortPath = (file: string): string => file.split('/').slice(-3).join('/');

const rollbackLines = ({ rollback }: HandoffPlan): string[] =>
  rollback.length === 0
    ? ['Nothing to undo.']
    : rollback.map((u, i) => `${i + 1}. ${u.name}, by ${u.rollback.name} (${u.rollback.id})`);

function verdict(paint: Paint, plan: HandoffPlan, command: string, width: number): string {
  const { issues, warnings } = plan;
  const untold = plan.steps.some((s) => s.rules.some((r) => r.result === 'not_run'));
  // What rules found stands above.
  const other = warnings.filter((w) => w.code !== 'VALIDATION_FAILED');
  const said = other.length > 0 ? [section(paint, 'To know', entries(other, '-', width))] : [];
  if (plan.ready) {
    const far = untold ? ', as far as can be told here' : '';
    return [...said, `${paint.green(`Ready${far}`)}: ${safe(command)}`].join('\n\n');
  }
  const count = `Not ready: ${issues.length} ${issues.length === 1 ? 'thing' : 'things'}`;
  return [...said, `${paint.red(count)}\n${indented(entries(issues, undefined, width))}`].join('\n\n');
}

const entries = (issues: readonly PlanIssue[], bullet: string | undefined, width: number): string =>
  issues
    .map(({ message, next }, i) => {
      const first = bullet ?? `${i + 1}.`;
      const hang = first.length + 1;
      const told = next === undefined || message.includes(next);
      return [`${first} ${message}`, ...(told ? [] : [`${' '.repeat(hang)}next: ${next}`])]
        .map((line) => wrapped(line, width - 2, line.startsWith(' ') ? 2 : hang))
        .join('\n');
    })
    .join('\n');
