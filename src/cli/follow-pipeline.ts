import type { HandoffClient } from '../client.js';
import { isOver, type PipelineReport } from '../client/pipeline/report.js';
import type { Answer, Io } from './io.js';
import { Stopped, withLifetime } from './lifetime.js';
import { pipelineChanges, pipelinePicture } from './text/pipeline-text.js';
import { clock, columns } from './text/text.js';
import { hasScreen } from './watch/screen.js';
import type { View } from './watch/views.js';
import { live } from './watch/watch.js';

const LOOK_MS = 250;

/** Follows a pipeline until it is over: on a terminal as a picture, else as lines; with `--json` a value for each change. */
export function followPipeline(client: HandoffClient, session: string, io: Io): Promise<Answer> {
  return !io.json && hasScreen() ? onScreen(client, session, io) : asLines(client, session, io);
}

const exitCodeFor = ({ state }: PipelineReport): 0 | 1 => (state.status === 'completed' ? 0 : 1);

async function onScreen(client: HandoffClient, session: string, io: Io): Promise<Answer> {
  let seen = await client.pipelines.status(session);
  let trouble: string | undefined;
  const view: View = {
    look: async () => {
      try {
        seen = await client.pipelines.status(session);
        trouble = undefined;
      } catch (error) {
        trouble = `This is from before: ${(error as Error).message}`;
      }
    },
    settle: () => Promise.resolve(),
    frame: (paint, size) =>
      [
        ...pipelinePicture(paint, seen, Date.now(), size.columns),
        ...(trouble ? ['', paint.yellow(trouble)] : []),
        '',
        paint.dim('q quits; the pipeline goes on'),
      ].slice(0, size.rows),
    json: () => seen,
    over: () => isOver(seen),
  };
  await live(view, io, LOOK_MS);
  // What was on the screen is gone with it.
  const text = pipelinePicture(io.paint, seen, Date.now(), columns()).join('\n');
  return { json: seen, text, exitCode: exitCodeFor(seen) };
}

async function asLines(client: HandoffClient, session: string, io: Io): Promise<Answer> {
  return withLifetime(async ({ signal }) => {
    let before: PipelineReport | undefined;
    for await (const report of client.pipelines.follow(session, { signal, intervalMs: LOOK_MS })) {
      if (io.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else
        for (const line of pipelineChanges(io.paint, before, report))
          io.say(`${io.paint.dim(clock(Date.now()))}  ${line}`);
      before = report;
    }
    if (before && isOver(before)) return { json: undefined, text: '', exitCode: exitCodeFor(before) };
    throw new Stopped();
  }).catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
    io.note(`Stopped following. The pipeline goes on; follow it again: handoff pipeline status ${session} --watch`);
    return { json: undefined, text: '', exitCode: 1 };
  });
}
