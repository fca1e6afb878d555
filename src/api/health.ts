import { sql } from 'kysely';
import { HandoffError } from '../core/errors.js';
import type { ApiDeps } from './deps.js';

export type Part = 'temporal' | 'workers' | 'database';

/** How each part is; without a word of why where that could tell of the inside. */
export interface Health {
  status: 'ok' | 'unavailable';
  parts: Record<Part, { status: 'ok' | 'down'; detail?: string }>;
}

/** What each part gets to answer, milliseconds. */
const PATIENCE_MS = 1500;
/** A worker that lives polls at least once a minute; the server remembers those that do not for five. */
const POLLED_MS = 90_000;

/** Looks at all parts, each with a short time-out. Those who ask together, or within a second, share an answer. */
export function healthOf({ client, storage }: ApiDeps): () => Promise<Health> {
  let shared: { at: number; health: Promise<Health> } | undefined;
  const look = async (): Promise<Health> => {
    const [server, database] = await Promise.all([
      client.server({ withinMs: PATIENCE_MS }),
      inTime(sql`select count(*) from events where seq < 0`.execute(storage.db)),
    ]);
    const kinds = server.taskQueues.filter((q) => q.name === server.taskQueues[0]?.name);
    const polled = kinds.filter((q) => q.lastPollAt && Date.now() - Date.parse(q.lastPollAt) < POLLED_MS);
    const missing = ['workflow', 'activity'].filter((kind) => polled.every((q) => q.kind !== kind));
    const parts: Health['parts'] = {
      temporal: server.up ? { status: 'ok' } : { status: 'down', detail: 'it does not answer' },
      workers: workers(server.up, missing),
      database: database ? { status: 'ok' } : { status: 'down', detail: 'it does not answer' },
    };
    const ok = Object.values(parts).every((p) => p.status === 'ok');
    return { status: ok ? 'ok' : 'unavailable', parts };
  };
  return () => {
    if (!shared || Date.now() - shared.at > 1000) shared = { at: Date.now(), health: look() };
    return shared.health;
  };
}

function workers(up: boolean, missing: string[]): { status: 'ok' | 'down'; detail?: string } {
  if (!up) return { status: 'down', detail: 'unknown, because Temporal does not answer' };
  return missing.length === 0
    ? { status: 'ok' }
    : { status: 'down', detail: 'no worker polls the task queue: start `handoff worker` or `handoff dev`' };
}

async function inTime(asked: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HandoffError('DEADLINE_EXCEEDED', { what: 'The database' })), PATIENCE_MS);
  });
  return Promise.race([asked, late])
    .then(
      () => true,
      () => false,
    )
    .finally(() => clearTimeout(timer));
}
