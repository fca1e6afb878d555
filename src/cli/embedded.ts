import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HandoffError } from '../core/errors.js';
import { isPortFree } from '../temporal/ports.js';
import { signalGroup } from '../temporal/process-group.js';

const IP = '127.0.0.1';
const PORTS_TRIED = 100;
/** The watchdog of a killed `dev` ends its server within 5 s. */
const WATCHDOG_MS = 7_000;

/**
 * The port to listen on: the one that was asked for, which must be free, else the first free one from the default on.
 * Throws PORT_IN_USE.
 */
export async function choosePort(asked: number | undefined, first: number, option: string): Promise<number> {
  if (asked === 0) return 0;
  const taken = (which: string): HandoffError =>
    new HandoffError('PORT_IN_USE', {
      why: `Port ${which} is taken by another program; choose another with ${option}.`,
    });
  if (asked !== undefined) {
    if (await isPortFree(IP, asked)) return asked;
    throw taken(String(asked));
  }
  for (let port = first; port < first + PORTS_TRIED; port++) if (await isPortFree(IP, port)) return port;
  throw taken(`${first} to ${first + PORTS_TRIED - 1}`);
}

/**
 * Ends what a killed `dev` left of its server: two servers on one database file would spoil it. Its watchdog does that
 * by itself; where that was killed too, we do.
 */
export async function untilServerGone(dbFile: string, say: (line: string) => void): Promise<void> {
  const deadline = Date.now() + WATCHDOG_MS;
  let said = false;
  for (;;) {
    const left = await serversOn(dbFile);
    if (left.length === 0) return;
    if (!said) say('An earlier `handoff dev` was killed; its Temporal server is ending.');
    said = true;
    if (Date.now() > deadline) for (const pid of left) signalGroup(pid, 'SIGKILL');
    await sleep(100);
  }
}

/** Processes that were started as a server on this database file: `… --db-filename <file> …`. */
async function serversOn(dbFile: string): Promise<number[]> {
  return (await commandLines())
    .filter(({ args }) => args.includes('server') && args.includes('--db-filename') && args.includes(dbFile))
    .map(({ pid }) => pid);
}

async function commandLines(): Promise<{ pid: number; args: string[] }[]> {
  if (existsSync('/proc/self/cmdline')) {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        return [{ pid: Number(name), args: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return []; // It ended meanwhile.
      }
    });
  }
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,args=', '-ww']).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => {
    const [, pid, args] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid && args ? [{ pid: Number(pid), args: args.split(' ') }] : [];
  });
}
