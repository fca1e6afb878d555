import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PhaseHandler } from '../../src/activities/pipeline/phase.js';
import type { PipelineRequest } from '../../src/client/pipeline/start.js';
import { pipelineWorkflowIdOf, transitionIdOf } from '../../src/core/pipeline/ids.js';
import { historyToJson } from '../../src/temporal/history-json.js';
import type { Rig } from './rig.js';

const NAMES = ['extraction', 'analysis', 'synthesis'];
/** Steps that fail once, by session and step. */
const failing = new Set<string>();
/** A step of it waits until it is opened, so that a message comes before it is over. */
let gate: Promise<void> = Promise.resolve();

export const goldenPhases: PhaseHandler[] = NAMES.map((phase) => ({
  phase,
  steps: ['first', 'second'].map((name) => ({
    name,
    maxAttempts: 1,
    run: async ({ session, context, effect }) => {
      if (phase === 'analysis' && name === 'first') await gate;
      await effect('it', {}, async () => {});
      await context.set(`${phase}.${name}`, true);
      if (failing.delete(`${session} ${phase}/${name}`)) throw new Error('recorded');
    },
  })),
}));

interface Situation {
  request?: Partial<PipelineRequest>;
  fails?: string;
  drive?: (rig: Rig, session: string) => Promise<unknown>;
}

/** Has a message come while a step is at work. */
async function during(rig: Rig, session: string, send: () => Promise<unknown>): Promise<void> {
  await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/first');
  await send();
  await rig.pipelines.untilShown(session, 'draining');
}

const SITUATIONS: Record<string, Situation> = {
  completed: {},
  handovers: { request: { transitions: 'handoff' } },
  'paused-resumed': {
    drive: async (rig, session) => {
      const until = new Date(Date.now() + 3_600_000).toISOString();
      await during(rig, session, () => rig.pipelines.pause(session, { until }));
    },
  },
  transferred: {
    drive: (rig, session) => during(rig, session, () => rig.pipelines.transfer(session, `${rig.taskQueue}-other`)),
  },
  'failed-resumed': { fails: 'analysis/second' },
  continued: { request: { stepsPerRun: 4 } },
};

export const PIPELINE_SITUATION = /^pipeline-(.+?)(?:\.\d+)?$/;
const goldenSession = (name: string): string => `golden-${name}`;

/** The workflow id of a recorded pipeline; undefined of what is none. */
export const goldenPipelineId = (situation: string): string | undefined => {
  const name = PIPELINE_SITUATION.exec(situation)?.[1];
  return name === undefined ? undefined : pipelineWorkflowIdOf(goldenSession(name));
};

/** Plays every situation; a file for each run of each: `<version>-pipeline-<situation>.<number>.json`. */
export async function recordPipelines(
  rig: Rig,
  folder: string,
  version: string,
  scrubbed: (json: string) => string,
): Promise<string[]> {
  await rig.anotherWorker({ taskQueue: `${rig.taskQueue}-other`, phases: goldenPhases });
  const files: string[] = [];
  for (const [name, { request, fails, drive }] of Object.entries(SITUATIONS)) {
    const session = goldenSession(name);
    let open = (): void => {};
    gate = drive ? new Promise((resolve) => (open = resolve)) : Promise.resolve();
    if (fails) failing.add(`${session} ${fails}`);
    const { pipelineId } = await rig.pipelines.start({ session, phases: NAMES, ...request });
    await drive?.(rig, session);
    open();
    if (name.endsWith('resumed')) {
      await rig.pipelines.until(session, (s) => s.state.checkpoint !== undefined);
      await rig.pipelines.resume(session);
    }
    await rig.pipelines.handle(session).result();
    if (request?.transitions)
      for (const at of [0, 1])
        rig.started.add(transitionIdOf({ session, pipelineId }, NAMES[at]!, NAMES[at + 1]!, at + 1));
    const runs = (await rig.pipelines.runs(session)).toReversed();
    for (const [at, runId] of runs.entries()) {
      const file = path.join(folder, `${version}-pipeline-${name}.${at + 1}.json`);
      writeFileSync(file, scrubbed(historyToJson(await rig.pipelines.handle(session, runId).fetchHistory())));
      files.push(file);
    }
  }
  return files;
}
