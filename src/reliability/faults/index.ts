import type { Fault } from '../fault.js';
import { agent_silent } from './agent.js';
import { connections_cut, connections_half_open, connections_slow } from './connections.js';
import { database_failing, database_full, database_locked } from './database.js';
import { disk_failing, disk_full } from './disk.js';
import { server_kill, server_stop } from './server.js';
import { activity_error, activity_refused, activity_slow, activity_timeout } from './steps.js';
import { all_workers_kill, worker_kill, worker_restart, worker_stop } from './workers.js';

/** All faults that can strike a stack, by name. */
export const FAULTS: Readonly<Record<string, Fault>> = Object.fromEntries(
  [
    worker_kill,
    worker_stop,
    worker_restart,
    all_workers_kill,
    server_kill,
    server_stop,
    database_locked,
    database_full,
    database_failing,
    disk_full,
    disk_failing,
    agent_silent,
    connections_cut,
    connections_slow,
    connections_half_open,
    activity_error,
    activity_refused,
    activity_timeout,
    activity_slow,
  ].map((fault) => [fault.name, fault]),
);
