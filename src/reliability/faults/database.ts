import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Fault } from '../fault.js';
import { leaveRoom } from '../stack-disks.js';
import type { Stack } from '../stack.js';
import { between, seconds } from './hold.js';
import type { Held } from './lock-main.js';
import { refusal } from './refusal.js';
import { byFailpoint } from './steps.js';

/** Processes run what the build made, also where this file runs from src/. */
const LOCK = fileURLToPath(new URL('../../../dist/reliability/faults/lock-main.js', import.meta.url));

const fileOf = (stack: Stack): string => path.join(stack.storage.folder, 'handoff.db');

export const database_locked: Fault = {
  name: 'database_locked',
  about: 'another process holds the write lock of the database for seconds',
  strike: async (stack, random) => {
    const ms = between(random, 1500, 6500);
    const holder = fork(LOCK, [fileOf(stack), String(ms)], { execArgv: [], stdio: 'ignore' });
    const gone = once(holder, 'exit');
    const [told] = (await Promise.race([once(holder, 'message'), gone])) as [Held | number | null];
    const found = typeof told === 'object' ? told?.refused : undefined;
    await gone;
    const what = `a process held the write lock for ${seconds(ms)}; another connection was told ${found ?? 'nothing'}`;
    return { fired: found === 'SQLITE_BUSY', what };
  },
};

/** What the log that SQLite writes ahead needs for the smallest transaction is more. */
const ROOM_BYTES = 4096;
const PROBE = ['BEGIN IMMEDIATE', 'CREATE TABLE reliability_probe (x)'];
const FILL = ['INSERT INTO reliability_probe VALUES (zeroblob(400000))', 'COMMIT'];

export const database_full: Fault = {
  name: 'database_full',
  about: 'the file system of the database is full, for real',
  lacks: ({ disks }) => (disks ? undefined : 'no small file system could be mounted here for the database'),
  strike: async (stack, random) => {
    const ms = between(random, 500, 2000);
    const file = fileOf(stack);
    const { data } = stack.disks!;
    // Its log must grow again: what is in it already could be written over.
    refusal(file, 'PRAGMA busy_timeout = 5000', 'PRAGMA wal_checkpoint(TRUNCATE)');
    await leaveRoom(data, ROOM_BYTES);
    try {
      const found = refusal(file, 'PRAGMA busy_timeout = 5000', ...PROBE, ...FILL);
      if (found === undefined) refusal(file, 'PRAGMA busy_timeout = 5000', 'DROP TABLE reliability_probe');
      await sleep(ms);
      const what = `left ${ROOM_BYTES} bytes to the database for ${seconds(ms)}; a connection was told ${found ?? 'nothing'}`;
      return { fired: found === 'SQLITE_FULL', what };
    } finally {
      await leaveRoom(data, 'whole');
    }
  },
};

export const database_failing: Fault = byFailpoint({
  name: 'database_failing',
  about: 'now and then the database answers a write or a commit with an input/output error (by failpoint)',
  failpoints: 'database.write=errno:SQLITE_IOERR%0.02,database.commit=errno:SQLITE_IOERR%0.02',
});
