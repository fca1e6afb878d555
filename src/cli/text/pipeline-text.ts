import type { PipelineReport, PipelineSummary } from '../../client/pipeline/report.js';
import { isOpenPipeline, type FrozenPhase } from '../../core/pipeline/pipeline.js';
import { span } from '../../core/words.js';
import { commandLines, type Command } from './next.js';
import { clock, safe, table, when, type Paint } from './text.js';
import { fit, textWidth } from './width.js';

/** What can be typed now to move a pipeline on; the likeliest first. */
function nextForPipeline({ session, state, gone, waitsForWorker }: PipelineReport): Command[] {
  const { checkpoint, status } = state;
  if (!isOpenPipeline(state)) return [];
  const commands: Command[] = [];
  if (waitsForWorker !== undefined)
    commands.push({
      command: `handoff worker --task-queue ${waitsForWorker} --module FILE`,
      means: 'a worker there, with its phases',
    });
  if (checkpoint && (status === 'paused' || status === 'failed' || status === 'transferring' || gone))
    commands.push({
      command: `handoff pipeline resume ${checkpoint.packageId}`,
      means: status === 'transferring' ? 'fetch it back' : `go on at ${checkpoint.resumePoint}`,
    });
  else if (gone || status === 'failed')
    commands.push({ command: `handoff pipeline resume ${session}`, means: 'go on after the last step on record' });
  else if (status === 'running' && waitsForWorker !== undefined)
    commands.push({
      command: `handoff pipeline resume ${session} --from-records`,
      means: 'where there are workers, if none will come back',
    });
  if (status === 'running' && !gone)
    commands.push({ command: `handoff pipeline pause ${session}`, means: 'after the step at work' });
  if (!gone) commands.push({ command: `handoff pipeline cancel ${session} --reason "…"`, means: 'stop it for good' });
  return commands;
}

/** A pipeline as lines, none wider than `width`: its phases with their steps, what it waits for, what to type. */
export function pipelinePicture(paint: Paint, r: PipelineReport, now: number, width = Infinity): string[] {
  const { session, subject, shown, state, stepsDone, steps, percent, taskQueue } = r;
  const facts = [subject.pipelineId, `version ${subject.pipelineVersion}`, `task queue ${taskQueue}`];
  const open = isOpenPipeline(state) && !r.gone;
  const since = open ? ` for ${span(now - state.since)}` : ` at ${when(state.since)}`;
  const lines = [
    `${paint.bold(safe(session))}  ${shownText(paint, shown)}${since} · ${stepsDone} of ${steps} steps (${percent} %)`,
    paint.dim(safe(facts.join(' · '))),
    '',
    ...phaseLines(paint, r, now),
    ...blank(troubleLines(paint, r, now)),
  ].map((line) => fit(line, width));
  // What is to be copied is not cut.
  const next = nextForPipeline(r);
  return next.length === 0 ? lines : [...lines, '', ...commandLines(paint, next).split('\n')];
}

const blank = (lines: string[]): string[] => (lines.length > 0 ? ['', ...lines] : []);

const shownText = (paint: Paint, shown: string): string => {
  const color = { completed: paint.green, paused: paint.yellow, draining: paint.yellow, running: paint.cyan }[shown];
  return color ? color(shown) : shown === 'transferring' ? paint.yellow(shown) : paint.red(safe(shown));
};

function phaseLines(paint: Paint, r: PipelineReport, now: number): string[] {
  const { phases, state } = r;
  const names = Math.max(...phases.map((p) => textWidth(safe(p.phase))));
  return phases.map((p, i) => {
    const done = i < state.at.phase ? p.steps.length : i === state.at.phase ? state.at.step : 0;
    const count = `${done}/${p.steps.length}`;
    const name = safe(p.phase).padEnd(names);
    if (i < state.at.phase) return `  ${paint.green('✓')} ${name}  ${count}`;
    if (i > state.at.phase) return paint.dim(`  · ${name}  ${count}`);
    return `  ${mark(paint, r)} ${paint.bold(name)}  ${count}  ${safe(stepText(r, p, now))}`.trimEnd();
  });
}

function mark(paint: Paint, { shown }: PipelineReport): string {
  if (shown === 'running' || shown === 'draining') return paint.cyan('▶');
  if (shown === 'paused' || shown === 'transferring') return paint.yellow('‖');
  return paint.red('✗');
}

/** `index (12 s, attempt 2)`. */
function stepText({ state, gone }: PipelineReport, { steps }: FrozenPhase, now: number): string {
  const name = steps[state.at.step]?.name ?? '';
  const { running, transition } = state;
  if (transition && state.status === 'running') return `waits for handoff ${transition.handoffId}`;
  if (!running || gone || state.status !== 'running') return name;
  const { since, attempt, retryAt } = running;
  const tries = attempt > 1 ? [`attempt ${attempt}${retryAt === undefined ? '' : ` at ${clock(retryAt)}`}`] : [];
  return `${name} (${[span(now - since), ...tries].join(', ')})`;
}

function troubleLines(paint: Paint, r: PipelineReport, now: number): string[] {
  const { state, from, gone, waitsForWorker } = r;
  const { failure, checkpoint, conflicts, moves, ending } = state;
  const lines: string[] = [];
  if (ending) lines.push(`Cancelled by ${ending.by}: ${ending.reason}`);
  const open = isOpenPipeline(state);
  if (open)
    for (const h of Object.values(state.holds)) {
      const until = h.until === undefined ? '' : `; resumes by itself at ${when(h.until)}`;
      lines.push(`Paused by ${h.by} since ${clock(h.at)} (${span(now - h.at)}): ${h.reason}${until}`);
    }
  if (state.moveTo && state.status !== 'transferring')
    lines.push(`${state.moveTo.by} moves the rest to task queue ${state.moveTo.taskQueue}`);
  if (state.status === 'transferring') lines.push(`The rest goes on at task queue ${moves.at(-1)?.to ?? ''}`);
  if (open && failure) {
    const at = failure.step === '' ? failure.phase : `${failure.phase}/${failure.step}`;
    lines.push(paint.red(safe(`${at}: ${failure.message} (${failure.code})`)));
  }
  if (open && checkpoint) lines.push(`Package ${checkpoint.packageId} goes on at ${checkpoint.resumePoint}`);
  for (const c of conflicts)
    lines.push(`Changed since: ${c.key}; the ${c.decision === 'package' ? "package's" : 'present one'} stays`);
  if (gone)
    lines.push(paint.red(safe(`Its run was ended in Temporal (${gone.how})${gone.why ? `: ${gone.why}` : ''}`)));
  if (waitsForWorker !== undefined)
    lines.push(paint.yellow(safe(`Nobody polls task queue ${waitsForWorker}: it waits for a worker there`)));
  else if (from === 'storage' && open && !gone) lines.push(paint.yellow('No worker answers; this is the last record'));
  return lines.map((line) => (line.includes('\u001b') ? line : safe(line)).replaceAll('\n', ' '));
}

/** What happened between two looks, a line each, for those who read a log. */
export function pipelineChanges(paint: Paint, before: PipelineReport | undefined, r: PipelineReport): string[] {
  const { state, phases, shown } = r;
  const lines: string[] = [];
  const numbered = (phase: number, step: number): string =>
    safe(`${phases[phase]!.phase} ${step + 1}/${phases[phase]!.steps.length}: ${phases[phase]!.steps[step]!.name}`);
  const done = before ? before.state.at : state.at;
  for (
    let { phase, step } = done;
    phase < phases.length && (phase < state.at.phase || (phase === state.at.phase && step < state.at.step));
  ) {
    lines.push(`${paint.green('✓')} ${numbered(phase, step)}`);
    if (++step >= phases[phase]!.steps.length) [phase, step] = [phase + 1, 0];
  }
  const running = (x: PipelineReport | undefined): string => JSON.stringify(x && [x.state.at, x.state.running]);
  const { running: now, failure, transition } = state;
  if (now && state.at.phase < phases.length && running(before) !== running(r) && r.from === 'run') {
    const what = numbered(state.at.phase, state.at.step);
    if (now.retryAt !== undefined)
      lines.push(
        `${paint.red('✗')} ${what}: ${safe(failure?.message ?? '')}; attempt ${now.attempt} at ${clock(now.retryAt)}`,
      );
    else lines.push(`${paint.cyan('▶')} ${what}${now.attempt > 1 ? ` (attempt ${now.attempt})` : ''}`);
  }
  if (transition && transition.handoffId !== before?.state.transition?.handoffId)
    lines.push(safe(`${transition.from} is handed over to ${transition.to} by handoff ${transition.handoffId}`));
  const waits = (x: PipelineReport | undefined): string =>
    JSON.stringify(x && [x.shown, x.state.checkpoint?.packageId, x.waitsForWorker, x.from, x.gone]);
  if (waits(before) !== waits(r)) {
    const more = troubleLines(paint, r, Date.now());
    if (shown !== before?.shown || more.length > 0)
      lines.push(shownText(paint, shown), ...more.map((line) => `  ${line}`));
    if (state.checkpoint) lines.push(...nextForPipeline(r).map((c) => `  next: ${safe(c.command)}`));
  }
  return lines.map((line) => line.replaceAll('\n', ' '));
}

/** Pipelines as a table. */
export function pipelineTable(paint: Paint, all: readonly PipelineSummary[], now: number): string {
  const rows = all.map((p) => [
    p.session,
    p.shown,
    `${p.stepsDone}/${p.steps}`,
    p.closedAt === undefined ? (p.step === undefined ? p.phase : `${p.phase}/${p.step}`) : '',
    `${span(now - p.createdAt)} ago`,
    p.blocked,
  ]);
  return table(paint, ['SESSION', 'STATUS', 'STEPS', 'AT', 'STARTED', 'BLOCKED'], rows, 'No pipelines.');
}

export const entriesText = (n: number): string => (n === 1 ? '1 entry' : `${n} entries`);
