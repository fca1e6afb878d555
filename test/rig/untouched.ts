import { execFileSync } from 'node:child_process';
import { sql } from 'kysely';
import type { Storage } from '../../src/storage/storage.js';

/**
 * Everything below a folder: path, kind, mode, size, time of change, content. Read by a process of its own: a file of
 * SQLite's that is closed here would take this process's locks with it. SQLite's lock table counts by its presence only.
 */
const WALK = `
const fs = require('node:fs'), path = require('node:path'), { createHash } = require('node:crypto');
const found = {};
const walk = (file) => {
  const s = fs.lstatSync(file, { bigint: true });
  const locks = file.endsWith('.db-shm');
  const content = s.isFile() && !locks ? createHash('sha256').update(fs.readFileSync(file)).digest('hex') : '';
  found[file] = locks ? 'locks' : [s.mode, s.isFile() ? s.size : '', s.mtimeNs, content].join(' ');
  if (s.isDirectory()) for (const name of fs.readdirSync(file).sort()) walk(path.join(file, name));
};
for (const folder of process.argv.slice(1)) if (fs.existsSync(folder)) walk(folder);
console.log(JSON.stringify(found));
`;

export type Tree = Record<string, string>;

export const treeOf = (...folders: string[]): Tree =>
  JSON.parse(
    execFileSync(process.execPath, ['-e', WALK, ...folders], { encoding: 'utf8', maxBuffer: 1 << 26 }),
  ) as Tree;

/** Every row of every table. */
export async function rowsOf({ db }: Storage): Promise<Record<string, unknown[]>> {
  const names = await sql<{ name: string }>`select name from sqlite_master where type = 'table' order by name`.execute(
    db,
  );
  const rows: Record<string, unknown[]> = {};
  for (const { name } of names.rows) rows[name] = (await sql`select * from ${sql.table(name)}`.execute(db)).rows;
  return rows;
}
