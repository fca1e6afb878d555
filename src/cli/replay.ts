import { existsSync } from 'node:fs';
import path from 'node:path';
import { connectClient } from '../temporal/connect.js';
import {
  fetchHistories,
  readHistories,
  recordHistories,
  type RunFilter,
  type RunHistory,
  type Unreadable,
} from '../temporal/histories.js';
import { replayHistories, type Replayed } from '../temporal/replay.js';
import { UsageError } from './failure.js';
import type { Answer, Io } from './io.js';
import { connectTo, type PlaceOptions } from './place.js';
import { installRuntime } from './runtime.js';
import { safe, type Paint } from './text/text.js';

export interface FilterOptions extends PlaceOptions {
  open?: boolean;
  session?: string;
  procedure?: string;
  limit?: number;
}
export interface ReplayOptions extends FilterOptions {
  fromServer?: boolean;
}

const filterOf = ({ open, session, procedure, limit, taskQueue }: FilterOptions): RunFilter => ({
  open,
  session,
  procedure,
  limit,
  taskQueue,
});

/** `handoff replay`: whether this build would take recorded, or running, handoffs over. */
export async function replay(place: string | undefined, options: ReplayOptions, io: Io): Promise<Answer> {
  if ((place === undefined) === !options.fromServer)
    throw new UsageError('Name a folder of histories, or say --from-server.');
  if (place !== undefined && !existsSync(place))
    throw new UsageError(`There is no ${path.resolve(place)}. Record histories with: handoff histories ${place}`);
  // Temporal's own log says the same again, at length.
  installRuntime(() => {}, { stacks: false });
  if (place !== undefined) {
    const answer = await replayed(readHistories(place), io);
    // What a script took for a proof must not be an empty folder.
    if (answer.text === NOTHING) throw new UsageError(`${path.resolve(place)} holds no history (*.json).`);
    return answer;
  }
  const { client, connection } = await connectClient(await connectTo(options));
  try {
    const filter = { ...filterOf(options), open: true };
    return await replayed(fetchHistories(client, filter), io);
  } finally {
    await connection.close();
  }
}

const NOTHING = 'Nothing to replay.';

async function replayed(histories: AsyncIterable<RunHistory | Unreadable>, io: Io): Promise<Answer> {
  const results: Replayed[] = [];
  for await (const one of replayHistories(histories)) {
    results.push(one);
    if (!io.json) io.say(lineOf(io.paint, one));
  }
  const count = (result: Replayed['result']): number => results.filter((r) => r.result === result).length;
  const [differ, unreadable] = [count('differs'), count('unreadable')];
  const summary = { replayed: results.length - unreadable, differ, unreadable };
  const bad = unreadable > 0 ? `, ${unreadable} unreadable` : '';
  const text = results.length === 0 ? NOTHING : `${summary.replayed} replayed, ${differ} differ${bad}`;
  return { json: { ...summary, results }, text, exitCode: differ + unreadable > 0 ? 1 : 0 };
}

function lineOf(paint: Paint, { from, result, workflowId, why }: Replayed): string {
  const what = /^(?:handoff|pipeline)\//.test(from) || !workflowId ? from : `${from}  ${workflowId}`;
  if (result === 'same') return `${paint.green('✓')} ${safe(what)}`;
  return `${paint.red('✗')} ${safe(`${what}: ${result === 'unreadable' ? 'cannot be replayed: ' : ''}${why ?? ''}`)}`;
}

/** `handoff histories`: fetches histories into a folder. */
export async function histories(folder: string, options: FilterOptions): Promise<Answer> {
  const { client, connection } = await connectClient(await connectTo(options));
  try {
    const files = await recordHistories(client, folder, filterOf(options));
    const where = path.resolve(folder);
    const text =
      files.length === 0
        ? 'No run fits; nothing was written.'
        : `${files.length} ${files.length === 1 ? 'history' : 'histories'} in ${where}. Try them: handoff replay ${folder}`;
    return { json: { folder: where, files }, text };
  } finally {
    await connection.close();
  }
}
