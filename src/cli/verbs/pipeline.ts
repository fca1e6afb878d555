import { existsSync } from 'node:fs';
import type { Option, Command } from 'commander';
import type { HandoffClient } from '../../client.js';
import type { PipelineRequest } from '../../client/pipeline/start.js';
import { HandoffError } from '../../core/errors.js';
import { pipelineWorkflowIdOf } from '../../core/pipeline/ids.js';
import type { ResumePipeline, ResumedPipeline } from '../../client/pipeline/resume.js';
import { UsageError } from '../failure.js';
import { MERGE_STRATEGIES, type MergeStrategy } from '../../core/package/package.js';
import { followPipeline } from '../follow-pipeline.js';
import { readDocument } from '../input.js';
import type { Answer } from '../io.js';
import { number } from '../number.js';
import { uiLink, userName, withPlace, type Place } from '../place.js';
import { entriesText, pipelinePicture, pipelineTable } from '../text/pipeline-text.js';
import { bytes, columns, safe } from '../text/text.js';
import { must, verb, type Call, type VerbSpec } from '../verb.js';

type OptionSpec = NonNullable<VerbSpec['options']>[number];

const BY: OptionSpec = ['--by <name>', 'who says so (default: your user name)'];
const FOLLOW: OptionSpec = ['--follow', 'stay, and show what happens until it is over'];
const TIMEOUT: OptionSpec = ['--timeout <seconds>', 'wait so long for the step at work (default: 10)', number(0)];
const MERGE: OptionSpec = [
  '--merge <strategy>',
  'for context entries that have changed since (default: newest-wins)',
  (o) => o.choices(MERGE_STRATEGIES),
];
const OVER = { ok: 'ok', failed: 'not completed' };

/** A verb of the group, for one pipeline. */
function one<O>(
  group: Command,
  usage: string,
  spec: Omit<VerbSpec, 'needs'>,
  run: (place: Place, arg: string, by: string, call: Call<O & { by?: string }>) => Promise<Answer>,
): void {
  verb<O & { by?: string }>(group, usage, { ...spec, needs: ['folder', 'server'], exits: true }, (call) =>
    withPlace(call.options, (place) => run(place, call.args[0] ?? '', call.options.by ?? userName(), call), {
      needsFolder: true,
    }),
  );
}

export function pipelineVerbs(program: Command): void {
  const group = program.command('pipeline').description('pipelines of phases');
  group.addHelpText('after', '\nExample:\n  $ handoff pipeline start shop --phases extraction,analysis --follow');
  startVerb(group);
  lookVerbs(group);
  steerVerbs(group);
}

interface StartOptions {
  phases?: string;
  transitions?: 'none' | 'handoff';
  cloneId?: string;
  pipelineVersion?: string;
  packageExpiresMinutes?: number;
  follow?: boolean;
}

function startVerb(group: Command): void {
  one<StartOptions>(
    group,
    'start <session>',
    {
      summary: 'start a pipeline in a session',
      details:
        'Starts a pipeline: its phases in turn, by the handlers that workers have made known (`handoff worker --module FILE`).\nInstead of a session, a file (JSON or YAML, "-" for stdin) may say all that `client.pipelines.start` takes; options count for more.',
      examples: [
        'pipeline start shop --phases extraction,analysis --follow',
        'pipeline start shop --transitions handoff',
      ],
      exitCodes: OVER,
      options: [
        ['--phases <names>', 'in this order, with commas (default: the seven standard ones)'],
        [
          '--transitions <how>',
          '`handoff`: each phase change is a handoff of its own (default: none)',
          (o: Option) => o.choices(['none', 'handoff']),
        ],
        ['--clone-id <id>', 'kept in its packages (default: the session)'],
        ['--pipeline-version <version>', 'of your pipeline, kept in its packages (default: 1.0.0)'],
        ['--package-expires-minutes <n>', 'how long a package is good for (default: for ever)', number(0)],
        FOLLOW,
      ],
    },
    async ({ client, uiUrl }, what, _by, { options, io }) => {
      const request = await requestOf(what, options);
      const started = await client.pipelines.start(request);
      const { session } = started;
      const link = uiUrl === undefined ? undefined : uiLink(uiUrl, pipelineWorkflowIdOf(session));
      const text = safe(`Started: ${session} (${started.pipelineId})${link ? `\n${link}` : ''}`);
      if (!options.follow)
        return { json: { ...started, link }, text: `${text}\nFollow it: handoff pipeline status ${session} --watch` };
      io.say(text);
      return followPipeline(client, session, io);
    },
  );
}

const isFile = (what: string): boolean => what === '-' || /\.(?:json|ya?ml)$/i.test(what) || existsSync(what);

async function requestOf(what: string, options: StartOptions): Promise<PipelineRequest> {
  const { parsePipelineRequest } = await import('../../core/pipeline/request-schema.js');
  const { phases, transitions, cloneId, pipelineVersion, packageExpiresMinutes } = options;
  const said = {
    ...(phases === undefined ? {} : { phases: phases.split(',').map((p) => p.trim()) }),
    ...(transitions === undefined ? {} : { transitions }),
    ...(cloneId === undefined ? {} : { cloneId }),
    ...(pipelineVersion === undefined ? {} : { pipelineVersion }),
    ...(packageExpiresMinutes === undefined ? {} : { packageExpiresInMinutes: packageExpiresMinutes }),
  };
  const isDocument = !/^[\w@:+-][\w.@:+-]*$/.test(what) || isFile(what);
  const document = isDocument ? await readDocument(what) : { session: what };
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  return parsePipelineRequest(isObject ? { ...document, ...said } : document);
}

function lookVerbs(group: Command): void {
  one<{ watch?: boolean }>(
    group,
    'status <session>',
    {
      summary: 'where it stands, and what to type next',
      details: 'Its phases and steps, what it waits for, and what to type next.',
      examples: ['pipeline status shop', 'pipeline status shop --watch'],
      exitCodes: OVER,
      options: [['--watch', 'stay, and show what happens until it is over']],
    },
    async ({ client }, session, _by, { options, io }) => {
      if (options.watch) return followPipeline(client, session, io);
      const report = await client.pipelines.status(session);
      return { json: report, text: pipelinePicture(io.paint, report, Date.now(), columns()).join('\n') };
    },
  );
  verb<{ open?: boolean; session?: string; status?: string; limit?: number }>(
    group,
    'list',
    {
      summary: 'pipelines, newest first',
      details: 'Pipelines by their last records, newest first.',
      examples: ['pipeline list --open', 'pipeline list --status paused'],
      options: [
        ['--open', 'only those that are not over'],
        ['--session <id>', 'only of this session'],
        [
          '--status <status>',
          'only what is shown so',
          (o) =>
            o.choices([
              'running',
              'draining',
              'paused',
              'failed',
              'transferring',
              'cancelling',
              'completed',
              'cancelled',
              'lost',
            ]),
        ],
        ['--limit <n>', 'at most so many (default: 100)', number(1, { whole: true })],
      ],
      needs: ['folder', 'server'],
    },
    ({ options, io }) =>
      withPlace(options, async ({ client }) => {
        const { open, session, status, limit } = options;
        const found = await client.pipelines.list({
          ...(open ? { open } : {}),
          ...(session === undefined ? {} : { session }),
          ...(status === undefined ? {} : { shown: status }),
          ...(limit === undefined ? {} : { limit }),
        });
        return { json: found, text: pipelineTable(io.paint, found, Date.now()) };
      }),
  );
}

const waiting = ({ timeout }: { timeout?: number }): { waitMs?: number } =>
  timeout === undefined ? {} : { waitMs: timeout * 1000 };

const warning = (queue: string): string =>
  `\nwarning: nobody polls task queue ${queue} yet; it waits for a worker there: handoff worker --task-queue ${queue} --module FILE`;

/** What a package is refused for that its pipeline can do without. */
const WITHOUT: readonly unknown[] = ['PACKAGE_NOT_FOUND', 'PACKAGE_DAMAGED', 'PACKAGE_EXPIRED'];

function resumeBy(
  { pipelines }: HandoffClient,
  what: string,
  asked: ResumePipeline & { fromRecords?: boolean },
): Promise<ResumedPipeline> {
  const isPackage = what.startsWith('hof-');
  const { fromRecords, ...how } = asked;
  if (isPackage && fromRecords) throw new UsageError('--from-records goes on without a package: name the session.');
  const resumed = isPackage ? pipelines.resume(what, how) : pipelines.resumeSession(what, asked);
  return resumed.catch((error: unknown) => {
    if (!(error instanceof HandoffError)) throw error;
    const { code, why = '' } = error.params;
    // The run itself says only the words of the manager.
    const isUseless = WITHOUT.includes(code) || why === 'Handoff package expired';
    if (error.code !== 'PIPELINE_RESUME_FAILED' || !isUseless) throw error;
    const session = isPackage ? 'SESSION' : what;
    const next = `Without it, after the last step on record: handoff pipeline resume ${session} --from-records`;
    throw new HandoffError(
      'PIPELINE_RESUME_FAILED',
      { ...error.params, why: `${String(why)}. ${next}` },
      { cause: error },
    );
  });
}

function steerVerbs(group: Command): void {
  one<{ reason?: string; until?: string; timeout?: number }>(
    group,
    'pause <session>',
    {
      summary: 'pause it, and write a package',
      details:
        'Pauses a pipeline after the step at work, and waits for the package that is then written, to go on from.',
      examples: ['pipeline pause shop --reason audit', 'pipeline pause shop --until 2026-01-13T11:30:00Z'],
      options: [
        BY,
        ['--reason <text>', 'why, for the record (default: user-requested)'],
        ['--until <date>', 'resume by itself then (ISO 8601)'],
        TIMEOUT,
      ],
    },
    async ({ client }, session, by, { options }) => {
      const { reason, until } = options;
      const asked = { by, ...(reason === undefined ? {} : { reason }), ...(until === undefined ? {} : { until }) };
      const handoff = await client.pipelines.pause(session, asked, waiting(options));
      const { id, checkpoint, context, metadata } = handoff;
      const { entries, size } = context;
      const { phase, step, totalSteps, resumePoint, status } = checkpoint;
      const lines = [
        `${status === 'error' ? 'Failed' : 'Paused'} in ${phase}, ${step} of ${totalSteps} steps done: ${metadata.reason}`,
        `Package ${id}: ${entriesText(entries.length)}, ${bytes(size)}${metadata.expiresAt ? `, good for as long as a clock runs until ${metadata.expiresAt.toISOString()}` : ''}`,
        `It goes on at ${resumePoint} by: handoff pipeline resume ${id}`,
      ];
      return { json: handoff, text: safe(lines.join('\n')) };
    },
  );
  one<{ merge?: MergeStrategy; on?: string; note?: string; follow?: boolean; fromRecords?: boolean }>(
    group,
    'resume <package>',
    {
      summary: 'go on from a package',
      details:
        'Goes on from a package (given a session: from its present one), from exactly where it says: in its own run where that answers, else in a new one that takes its place. With --on, the rest runs at another task queue. A session whose run was ended in Temporal, and with --from-records any that waits, goes on after the last step on record, with the context as it is: for a package that is damaged or has expired.',
      examples: ['pipeline resume shop', 'pipeline resume hof-01-1 --on gpu --merge overwrite --follow'],
      exitCodes: OVER,
      options: [
        BY,
        MERGE,
        ['--on <task-queue>', 'have the rest run there'],
        ['--note <text>', 'for the record'],
        ['--from-records', 'without a package: after the last step on record'],
        FOLLOW,
      ],
    },
    async ({ client }, what, by, { options, io }) => {
      const { merge, on, note, follow, fromRecords } = options;
      const asked = { by, ...(merge ? { merge } : {}), ...(on ? { taskQueue: on } : {}), ...(note ? { note } : {}) };
      const resumed = await resumeBy(client, what, { ...asked, ...(fromRecords ? { fromRecords } : {}) });
      const { session, resumePoint, taskQueue, anew, conflicts, waitsForWorker } = resumed;
      const why =
        resumed.handoffId === undefined
          ? 'after the last step on record'
          : 'because nobody answered for the one before';
      const how = anew ? ` in a new run, ${why}` : '';
      const kept = conflicts.map(
        (c) => `\n  ${c.key} had changed; the ${c.decision === 'package' ? "package's value" : 'present value'} stays`,
      );
      const goes =
        resumed.status === 'paused' ? 'stays paused, because somebody else holds it too, and then goes on' : 'goes on';
      const where = resumed.status === 'transferring' ? `at task queue ${taskQueue}` : `at ${resumePoint}`;
      const text = safe(
        `Session ${session} ${goes} ${where}${how}.${kept.join('')}${waitsForWorker ? warning(taskQueue) : ''}`,
      );
      if (!follow) return { json: resumed, text };
      io.say(text);
      return followPipeline(client, session, io);
    },
  );
  one<{ merge?: MergeStrategy; timeout?: number }>(
    group,
    'transfer <session> <queue>',
    {
      summary: 'have the rest run elsewhere',
      details:
        'Pauses after the step at work, and has the rest run where another process polls: the worker at that task queue takes the package up.',
      examples: ['pipeline transfer shop gpu'],
      options: [BY, MERGE, TIMEOUT],
    },
    async ({ client }, session, by, { args, options }) => {
      const target = args[1] ?? '';
      const { merge } = options;
      const moved = await client.pipelines.transfer(
        session,
        target,
        { by, ...(merge ? { merge } : {}) },
        waiting(options),
      );
      const text = `The rest of session ${session} goes on at task queue ${target}, from package ${moved.handoffId}.`;
      return { json: moved, text: safe(`${text}${moved.waitsForWorker ? warning(target) : ''}`) };
    },
  );
  one<{ reason: string }>(
    group,
    'cancel <session>',
    {
      summary: 'stop it for good',
      details: 'Stops a pipeline for good. What its steps did stays.',
      examples: ['pipeline cancel shop --reason "no longer needed"'],
      options: [BY, ['--reason <text>', 'why, for the record', must]],
    },
    async ({ client }, session, by, { options }) => {
      await client.pipelines.cancel(session, { by, reason: options.reason });
      return { json: { session, asked: 'cancel' }, text: safe(`Asked the pipeline of session ${session} to stop.`) };
    },
  );
}
