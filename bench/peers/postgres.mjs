import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** Debian and Ubuntu keep the server's programs out of PATH. */
const DEBIAN = '/usr/lib/postgresql';
const PROGRAMS = ['initdb', 'postgres', 'pg_ctl', 'pg_isready'];

function folderOfPrograms() {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env.PATH ?? '').split(path.delimiter),
    ...debian.map((v) => path.join(DEBIAN, v, 'bin')),
  ];
  const found = folders.find((f) => f !== '' && PROGRAMS.every((name) => existsSync(path.join(f, name))));
  if (found) return found;
  throw new Error(
    `PostgreSQL's ${PROGRAMS.join(', ')} are in no folder of PATH or under ${DEBIAN}: install a PostgreSQL server`,
  );
}

/** PostgreSQL does not run as root: there it runs as the user that its package has made. */
function userToBe() {
  if (process.getuid?.() !== 0) return undefined;
  try {
    execFileSync('id', ['postgres'], { stdio: 'ignore' });
    return 'postgres';
  } catch {
    throw new Error('PostgreSQL refuses to run as root, and there is no user postgres; run this as another user');
  }
}

/**
 * A PostgreSQL cluster of its own, with the settings that it comes with, on a loopback port; gone after `stop`.
 *
 * @returns `{ url, pid, version, stop }`
 */
export async function launchPostgres(port) {
  const bin = folderOfPrograms();
  const user = userToBe();
  const as = (program, args) =>
    user ? ['runuser', ['-u', user, '--', path.join(bin, program), ...args]] : [path.join(bin, program), args];
  const folder = mkdtempSync(path.join(tmpdir(), 'handoff-postgres-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  if (user) execFileSync('chown', [user, folder]);
  chmodSync(folder, 0o700);
  const data = path.join(folder, 'data');
  const options = { cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] };
  execFileSync(...as('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C']), options);
  const args = [
    '-D',
    data,
    '-k',
    folder,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'log_min_messages=fatal',
  ];
  const server = spawn(...as('postgres', args), { cwd: '/', stdio: 'ignore' });
  process.once('exit', () => server.kill('SIGTERM'));
  const ready = ['-h', '127.0.0.1', '-p', String(port), '-q'];
  for (const end = Date.now() + 30_000; ; await sleep(100)) {
    try {
      execFileSync(path.join(bin, 'pg_isready'), ready);
      break;
    } catch {
      if (server.exitCode !== null || Date.now() > end) throw new Error('PostgreSQL did not start');
    }
  }
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/bench`,
    pid: server.pid,
    version: execFileSync(path.join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim(),
    stop() {
      execFileSync(...as('pg_ctl', ['stop', '-D', data, '-m', 'fast', '-s']), options);
    },
  };
}
