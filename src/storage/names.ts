// Read without Kysely and migrations: a shell asks for names while somebody presses Tab.
import { existsSync } from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { readOnlyUri } from './read-only.js';

export type NameKind =
  | 'handoff'
  | 'open handoff'
  | 'incident'
  | 'session'
  | 'procedure'
  | 'contract'
  | 'agent'
  | 'artifact'
  | 'handoff or artifact';

/** More are of no help to anybody. */
const MOST = 200;

// A name that a shell would break, or that several have, is of no help: then its id is.
const ARTIFACTS = `select iif(name glob '*[^A-Za-z0-9._@+-]*' or same > 1, printf('artifact_%03d', seq), name) name, note from
    (select seq, name, created_by note, count(*) over (partition by name) same from artifacts)`;
const ARTIFACT_IDS = `select printf('artifact_%03d', seq) name, name note from artifacts where substr(?1, 1, 9) = 'artifact_'`;
const beginning = (names: string): string => `select name, note from (${names}) where substr(name, 1, length(?1)) = ?1`;

// What is newest comes first. Each takes the prefix; `incident` the handoff as well.
const QUERIES: Record<NameKind, string> = {
  handoff: `select id name, status note from handoffs where substr(id, 1, length(?1)) = ?1 order by created_at desc`,
  'open handoff': `select id name, status note from handoffs where closed_at is null and substr(id, 1, length(?1)) = ?1 order by created_at desc`,
  incident: `select value ->> 'id' name, value ->> '$.error.code' note from handoffs, json_each(snapshot, '$.state.incidents')
    where handoffs.id = ?2 and substr(value ->> 'id', 1, length(?1)) = ?1`,
  session: `select name, '' note from (select session name from handoffs union select session from phases union select session from context)
    where substr(name, 1, length(?1)) = ?1 order by name`,
  procedure: `select distinct id name, '' note from procedures where substr(id, 1, length(?1)) = ?1 order by id`,
  contract: `select distinct id name, '' note from contracts where substr(id, 1, length(?1)) = ?1 order by id`,
  artifact: beginning(`${ARTIFACTS} union ${ARTIFACT_IDS}`),
  'handoff or artifact': beginning(
    `select id name, status note from handoffs union all ${ARTIFACTS} union all ${ARTIFACT_IDS}`,
  ),
  agent: `select name, '' note from agents where substr(name, 1, length(?1)) = ?1 order by name`,
};

/** Names of a folder's data that begin with `prefix`, and a word on each; none where there is no data. */
export function namesIn(
  folder: string,
  kind: NameKind,
  { prefix, handoff = '' }: { prefix: string; handoff?: string },
): { name: string; note: string }[] {
  const file = path.join(path.resolve(folder), 'handoff.db');
  if (!existsSync(file)) return [];
  const db = new Database(readOnlyUri(file));
  try {
    const rows: unknown = db
      .prepare(`${QUERIES[kind]} limit ${MOST}`)
      .all(...(kind === 'incident' ? [prefix, handoff] : [prefix]));
    return rows as { name: string; note: string }[];
  } finally {
    db.close();
  }
}
