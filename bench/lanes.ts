import type { Client, WorkflowStartOptions } from '@temporalio/client';
import { HandoffClient } from '../src/client.js';
import { workflowIdOf } from '../src/core/ids.js';
import type { HandoffInput, HandoffRequest } from '../src/core/request.js';
import { PHASE_TRANSITION_STANDARD } from '../src/core/standard-procedures.js';
import { BARE_QUEUE, SOURCE, TARGET, type Bench } from './place.js';

/** One handoff that is set up and not yet started: `run` is what is timed, from the start to the result. */
export interface Prepared {
  workflowId: string;
  run(): Promise<unknown>;
}

export interface Lane {
  name: string;
  prepare(id: string): Promise<Prepared>;
}

export type LaneName = 'handoff' | 'bareRegular' | 'bareLocal' | 'handoffRaw';

/** The lanes, in the order in which they alternate. */
export function createLanes(bench: Bench): Record<LaneName, Lane> {
  const { client: temporal, storage } = bench;
  const handoffs = new HandoffClient({ temporal, storage });
  const bare = (name: string, type: string): Lane => ({
    name,
    async prepare(id) {
      // The same subject and package as ours would have; making them is our client's cost, and no part of this lane's.
      const { options } = await frozen(bench, id);
      const { subject } = options.args[0];
      return {
        workflowId: id,
        run: () => temporal.workflow.execute(type, { workflowId: id, taskQueue: BARE_QUEUE, args: [subject] }),
      };
    },
  });
  return {
    handoff: {
      name: 'handoff',
      async prepare(id) {
        const request = await requestOf(bench, id);
        return {
          workflowId: workflowIdOf(id),
          async run() {
            await handoffs.start(request);
            const { outcome } = await handoffs.result(id);
            if (outcome !== 'completed') throw new Error(`handoff ${id} is ${outcome}`);
          },
        };
      },
    },
    bareRegular: bare('4 regular, by hand', 'bareRegular'),
    bareLocal: bare('4 local, by hand', 'bareLocal'),
    handoffRaw: {
      name: 'handoff, without its client',
      async prepare(id) {
        const { type, options } = await frozen(bench, id);
        return { workflowId: options.workflowId, run: () => temporal.workflow.execute(type, options) };
      },
    },
  };
}

/** A request with a session and a destination of its own, its source phase recorded as completed. */
async function requestOf({ storage }: Bench, id: string): Promise<HandoffRequest> {
  const session = `s-${id}`;
  await storage.sessions.setPhase(session, '8', 'completed', SOURCE);
  return {
    handoffId: id,
    procedure: PHASE_TRANSITION_STANDARD.procedure_id,
    source: { agent: SOURCE, phase: 8 },
    target: { agent: TARGET, phase: id },
    session,
    artifacts: ['architecture.json', 'decisions.md'].map((name) => ({ name, path: name })),
    context: {
      architecture: { style: 'hexagonal', modules: 12, of: id },
      open_questions: ['Which queue?', 'Which store?'],
    },
  };
}

type Start = { type: string; options: WorkflowStartOptions & { args: [HandoffInput]; workflowId: string } };

/** What our client would start: a request checked and frozen, its package stored. */
export async function frozen(bench: Bench, id: string): Promise<Start> {
  let start: Start | undefined;
  const recorder = {
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: {
      start(type: string, options: Start['options']) {
        start = { type, options };
        return { firstExecutionRunId: '' };
      },
    },
  };
  const request = await requestOf(bench, id);
  await new HandoffClient({ temporal: recorder as unknown as Client, storage: bench.storage }).start(request);
  return start!;
}
