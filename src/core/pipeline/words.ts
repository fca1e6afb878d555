import { utc } from '../date.js';
import type { Holder } from '../handoff.js';
import {
  isOpenPipeline,
  placeAt,
  progressOfPipeline,
  resumePointOf,
  shownPipeline,
  type FrozenPhase,
  type PipelineHold,
  type PipelineState,
  type PipelineSubject,
} from './pipeline.js';
import { said, saidWithin } from '../said.js';

const firstHold = (s: PipelineState): PipelineHold | undefined => s.holds.operator ?? s.holds.parent;

/** Why a pipeline does not move, as one short phrase; undefined where it does. */
export function blockedPipeline(s: PipelineState, phases: readonly FrozenPhase[]): string | undefined {
  if (!isOpenPipeline(s)) return undefined;
  const hold = firstHold(s);
  const why = {
    failed: () => `failed at ${resumePointOf(s.at, phases)} (${s.failure?.code ?? 'ACTION_FAILED'})`,
    paused: () => `paused by ${hold?.by ?? s.moveTo?.by ?? 'clock'}: ${hold?.reason ?? 'transfer'}`,
    transferring: () => `waits for a worker on ${s.moves.at(-1)?.to ?? 'another task queue'}`,
    running: () => (s.transition ? `waits for handoff ${s.transition.handoffId}` : undefined),
  }[s.status as 'failed' | 'paused' | 'transferring' | 'running'];
  return why()?.slice(0, 200);
}

/**
 * A pipeline in plain words (Markdown), for the Web UI: where it stands, what it waits for, what to press, what comes
 * next. The first line is all that somebody in a hurry reads.
 */
export function pipelineWords(subject: PipelineSubject, phases: readonly FrozenPhase[], s: PipelineState): string {
  const { stepsDone, steps } = progressOfPipeline(s.at, phases);
  const progress = `${stepsDone} of ${steps} steps are done: ${phaseLine(s, phases)}`;
  const lines = isOpenPipeline(s)
    ? [
        `**${shownPipeline(s)}** since ${utc(s.since)} — ${waits(s, phases)}`,
        progress,
        ...failureLines(s),
        ...holdLines(s),
        ...checkpointLines(s),
        ...conflictLines(s),
      ]
    : [
        `**${s.status}** at ${utc(s.since)}`,
        s.ending && s.status === 'cancelled'
          ? `${said(s.ending.by)}: ${saidWithin(s.ending.reason)}.`
          : `Session ${subject.session} went through all ${phases.length} phases.`,
        progress,
      ];
  return lines.join('\n\n');
}

function waits(s: PipelineState, phases: readonly FrozenPhase[]): string {
  const place = resumePointOf(s.at, phases);
  const hold = firstHold(s);
  if (s.ending) return `${said(s.ending.by)} cancelled it; ${place} still ends`;
  if (s.status === 'transferring')
    return `the rest goes on at task queue ${s.moves.at(-1)?.to ?? ''}, once a worker polls there`;
  if (s.status === 'failed') return 'it waits for a fix and a resume';
  if (s.status === 'paused')
    return hold?.until ? `it resumes by itself at ${utc(hold.until)}` : 'it waits for somebody to resume it';
  const by = hold?.by ?? s.moveTo?.by;
  if (by !== undefined) return `${said(by)} asked for a ${hold ? 'pause' : 'transfer'}; ${place} still ends`;
  if (s.transition)
    return `${s.transition.from} is handed over to ${s.transition.to} by handoff \`${s.transition.handoffId}\``;
  const { retryAt, attempt = 1 } = s.running ?? {};
  if (retryAt !== undefined) return `${place} is tried again at ${utc(retryAt)} (attempt ${attempt})`;
  return `at work: ${place}`;
}

function failureLines({ failure }: PipelineState): string[] {
  if (!failure) return [];
  const what = failure.step === '' ? failure.phase : `${failure.phase}/${failure.step}`;
  return [`${what} failed: ${saidWithin(failure.message)} (${failure.code}).`];
}

const holdLines = (s: PipelineState): string[] =>
  (Object.entries(s.holds) as [Holder, PipelineHold][]).map(
    ([holder, h]) =>
      `Paused by ${said(h.by)} (${holder}) since ${utc(h.at)}: ${saidWithin(h.reason)}.${h.until ? ` It resumes by itself at ${utc(h.until)}.` : ''}`,
  );

const checkpointLines = ({ checkpoint: c }: PipelineState): string[] =>
  c
    ? [
        `Package \`${c.packageId}\` holds its context and goes on at ${c.resumePoint}.`,
        `Press *More Actions → Send an Update* → \`resume\` \`{"by": "you"}\`, or with \`"taskQueue"\` to go on elsewhere.`,
        `Or *Send a Signal* → \`cancel\` \`{"by": "you", "reason": "why"}\`.`,
      ]
    : [];

const conflictLines = ({ conflicts }: PipelineState): string[] =>
  conflicts.length > 0
    ? [
        `Entries that had changed when it was resumed:\n${conflicts
          .slice(0, 20)
          .map((c) => `- ${said(c.key)}: the ${c.decision === 'package' ? "package's" : 'present one'} stays`)
          .join('\n')}`,
      ]
    : [];

/** In one line: the Web UI's box is as high as the text has lines, and cuts off what a list or a long one needs more. */
function phaseLine(s: PipelineState, phases: readonly FrozenPhase[]): string {
  const marked = phases.map(({ phase, steps }, i) => {
    if (i !== s.at.phase) return `${i < s.at.phase ? '✓ ' : ''}${phase}`;
    const mark = s.status === 'failed' ? '✗' : s.status === 'running' ? '▶' : '‖';
    return `**${mark} ${phase}** (step ${Math.min(s.at.step + 1, steps.length)} of ${steps.length}: ${placeAt(s.at, phases).step ?? ''})`;
  });
  return marked.join(' → ');
}
