import { stat, statfs } from 'node:fs/promises';
import { sql } from 'kysely';
import { leftovers } from '../../activities/collect.js';
import { unreachableBecause } from '../../core/agent.js';
import { bytes } from '../text/text.js';
import { bad, handoffs, ok, some, warn, type Finding, type Stored } from './finding.js';

/** Of a whole file system, the part that should be free. */
const MIN_PART = 0.05;

/** Room on the file systems of the data folder and of what arrives. */
export async function disk({ storage, minFree }: Stored): Promise<Finding> {
  const seen = new Set<number>();
  const free: string[] = [];
  for (const folder of [storage.folder, storage.root]) {
    // Below the root nothing may have arrived yet.
    const there = await stat(folder).catch(() => undefined);
    if (!there || seen.has(there.dev)) continue;
    seen.add(there.dev);
    const { bavail, blocks, bsize } = await statfs(folder);
    const left = bavail * bsize;
    const what = `${bytes(left)} free for ${folder}`;
    const part = Math.round((bavail / Math.max(blocks, 1)) * 100);
    // Five per cent of a very large disk is still a lot of room.
    if (left < minFree || (bavail / Math.max(blocks, 1) < MIN_PART && left < minFree * 20)) {
      return warn(
        'disk',
        `${what} (${part} %)`,
        'Make room there. Steps that meet a full disk are retried, then wait as incidents.',
      );
    }
    free.push(what);
  }
  return ok('disk', free.join(', '));
}

/** Whether the database is whole. */
export async function database({ storage }: Stored): Promise<Finding> {
  const mend = 'Stop the workers, and put back a backup of the whole folder.';
  try {
    const { rows } = await sql<{ quick_check: string }>`PRAGMA quick_check(5)`.execute(storage.db);
    const faults = rows.map((r) => r.quick_check).filter((text) => text !== 'ok');
    return faults.length === 0
      ? ok('database', 'it is whole')
      : bad('database', `${storage.folder}/handoff.db is damaged: ${faults.join('; ')}`, mend);
  } catch (error) {
    return bad('database', `${storage.folder}/handoff.db cannot be read: ${(error as Error).message}`, mend);
  }
}

/** Agents that something lies with, and that are not heard of. */
export async function agents({ storage }: Stored): Promise<Finding> {
  const waiting = await storage.handoffs.list({ status: 'awaiting_acceptance', limit: 100_000 });
  const byAgent = new Map<string, string[]>();
  for (const { subject } of waiting) {
    const { agent } = subject.target;
    if (agent) byAgent.set(agent, [...(byAgent.get(agent) ?? []), subject.handoffId]);
  }
  const late: { name: string; why: string; ids: string[] }[] = [];
  for (const [name, ids] of byAgent) {
    const agent = await storage.agents.find(name);
    const why = agent ? unreachableBecause(agent, Date.now()) : 'it is not registered';
    if (why) late.push({ name, why, ids });
  }
  if (late.length === 0) return ok('agents', 'each that a handoff waits for is heard of');
  const what = late.map(
    ({ name, why, ids }) => `${name}: ${why}, and ${handoffs(ids.length)} wait${ids.length === 1 ? 's' : ''} for it`,
  );
  const mend = `Start it, or see why it is silent. It is heard of by: handoff agents heartbeat ${late[0]!.name}`;
  return warn(
    'agents',
    some(what),
    mend,
    late.flatMap((l) => l.ids),
  );
}

const WHOSE = {
  closed: 'that closed',
  unknown: 'that the database does not know',
  undone: 'still open, for effects that are undone',
} as const;

/** Copies and half-made files that nobody needs any more. */
export async function kept({ storage }: Stored): Promise<Finding> {
  const found = await leftovers(storage);
  if (found.length === 0) return ok('leftovers', 'nothing is kept that nobody needs');
  const parts = (['closed', 'unknown', 'undone'] as const).flatMap((why) => {
    const ids = found.filter((l) => l.why === why).map((l) => l.handoff);
    return ids.length > 0 ? [`of ${handoffs(ids.length)} ${WHOSE[why]}: ${some(ids)}`] : [];
  });
  return warn(
    'leftovers',
    `files are kept ${parts.join('; ')}`,
    'handoff doctor --fix',
    found.map((l) => l.handoff),
  );
}
