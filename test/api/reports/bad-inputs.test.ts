import { readdirSync } from 'node:fs';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../../src/core/errors.js';
import { ROLES } from '../../../src/core/service/policy.js';
import { badBodies, type Bad } from './bad-bodies.js';
import { badHandoffs } from './bad-handoffs.js';
import { badRequests } from './bad-requests.js';
import { AUTHOR, Service } from './service.js';

/** A typed answer comes within a second; on a machine that others use too, within this. */
const PATIENCE_MS = 5_000;

let service: Service;
let all: Bad[];
beforeAll(async () => {
  service = await Service.open({ maxReportBytes: 256 * 1024, maxAttachmentBytes: 256 * 1024 });
  // Who may everything: what is refused is refused for what it is.
  service.keys.author = (await service.rig.storage.keys.create(AUTHOR, ROLES)).secret;
  const { report_id: id } = await service.create();
  all = [...badBodies(id, service.task), ...badRequests(id, service.task), ...badHandoffs(service.task.task_id)];
});
afterAll(() => service.close());

/** How much there is of everything: rows by table, files, events in the histories of reports. */
async function everything(): Promise<Record<string, number>> {
  const { db, root } = service.rig.storage;
  const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(db);
  const counts: Record<string, number> = {};
  for (const { name } of rows) {
    // What was refused is on record as such, and answers to keyed requests are kept for their repetition.
    if (name === 'audit' || name.startsWith('idempotency') || name.startsWith('sqlite_')) continue;
    const found = await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(db);
    counts[name] = Number(found.rows[0]!.n);
  }
  const done = await sql<{ n: number }>`select count(*) as n from audit where outcome = 'done'`.execute(db);
  const runs = service.rig.temporal.workflow.list({ query: `TaskQueue = '${service.rig.taskQueue}'` });
  let events = 0;
  let open = 0;
  for await (const { workflowId, historyLength = 0 } of runs) {
    open++;
    const { events: history } = await service.rig.temporal.workflow.getHandle(workflowId).fetchHistory();
    events += history?.length ?? historyLength;
  }
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    // The database's own files come and go.
    (e) => e.isFile() && !/\.(db|sqlite)(-\w+)?$/.test(e.name),
  );
  return { ...counts, done: Number(done.rows[0]!.n), runs: open, events, files: files.length };
}

const kindsOf = (list: readonly Bad[]): string[] => [...new Set(list.map((b) => b.kind))];

/** What is wrong with the answer to a bad request; undefined where it is as it should be. */
async function faultOf({ kind, method, path, body, raw, headers, at, status = 400 }: Bad): Promise<string | undefined> {
  const began = Date.now();
  const answer = await service.as('author', method, path, {
    ...(raw === undefined ? { body } : { raw }),
    ...(headers ? { headers } : {}),
  });
  const took = Date.now() - began;
  const problem = (answer.json ?? {}) as {
    code?: ErrorCode;
    detail?: string;
    status?: number;
    errors?: { path: string }[];
  };
  const faults: string[] = [];
  if (!([status].flat() as number[]).includes(answer.status)) faults.push(`status ${answer.status}`);
  if (!String(answer.headers['content-type']).startsWith('application/problem+json')) faults.push('no problem details');
  if (!problem.code || !(problem.code in ERRORS)) faults.push(`code ${String(problem.code)}`);
  if (problem.status !== answer.status) faults.push('another status within');
  if (!problem.detail) faults.push('no detail');
  const where = problem.errors?.map((e) => e.path) ?? [];
  if (at !== undefined && !where.some((w) => w === at || w.startsWith(`${at}/`)))
    faults.push(`at ${where.join(', ') || 'nowhere'}`);
  if (took > PATIENCE_MS) faults.push(`${took} ms`);
  if (/node_modules|\.ts:|\.js:|at \w+ \(/.test(answer.text)) faults.push('a stack trace');
  if (faults.length === 0) return undefined;
  const given = String(raw ?? JSON.stringify(body) ?? '').slice(0, 120);
  return `${kind}: ${method} ${path.slice(0, 100)} ${JSON.stringify(headers ?? {})} ${given} → ${faults.join('; ')} | ${answer.text.slice(0, 300)}`;
}

describe('bad inputs', () => {
  test('there are hundreds, of many kinds', () => {
    expect(all.length).toBeGreaterThanOrEqual(900);
    expect(kindsOf(all).length).toBeGreaterThanOrEqual(40);
  });

  test(
    'each gets a typed answer that says where, and nothing is anywhere afterwards',
    { timeout: 240_000 },
    async () => {
      // A good one first: what it changes must be seen, or the count below proves nothing.
      const empty = await everything();
      await service.create();
      const before = await everything();
      expect(before['events']).toBeGreaterThan(empty['events']!);
      const faults: string[] = [];
      for (const bad of all) {
        const fault = await faultOf(bad);
        if (fault) faults.push(fault);
      }
      expect(faults).toEqual([]);
      expect(await everything()).toEqual(before);
    },
  );
});
