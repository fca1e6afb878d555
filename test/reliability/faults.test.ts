import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/faults/random.js';
import { FAULTS } from '../../src/reliability/faults/index.js';
import { startStack } from '../../src/reliability/stack-start.js';
import type { Stack } from '../../src/reliability/stack.js';
import { mayMount } from '../rig/mount.js';
import { FULL, chosen } from '../crash/case.js';
import { Traffic } from './traffic.js';

const SEED = 20261122;
const NEEDS_DISKS = ['database_full', 'disk_full'];
/** Of each victim one; the whole by HANDOFF_CRASH=full. */
const SHORT = [
  'worker_kill',
  'worker_stop',
  'server_kill',
  'database_locked',
  'database_full',
  'database_failing',
  'disk_full',
  'agent_silent',
  'connections_cut',
  'connections_half_open',
  'activity_refused',
  'activity_timeout',
];
/** A step that is refused, or fails three times, has its handoff undone; else every one of them completes. */
const MAY_UNDO = [
  'activity_error',
  'activity_refused',
  'database_failing',
  'disk_failing',
  'database_full',
  'disk_full',
];

let stack: Stack;
let traffic: Traffic;
beforeAll(async () => {
  stack = await startStack({ workers: 2, proxy: true, disks: true, seed: SEED });
  traffic = await Traffic.on(stack);
});
afterAll(async () => {
  await traffic?.close();
  await stack?.close();
});

describe('a fault strikes a stack at work, says so by evidence, and leaves it whole', { timeout: 240_000 }, () => {
  test.for(chosen(Object.values(FAULTS), (f) => SHORT.includes(f.name)))('$name: $about', async (fault, { skip }) => {
    if (NEEDS_DISKS.includes(fault.name)) skip(!mayMount(), 'nobody may mount here');
    expect(fault.lacks?.(stack)).toBeUndefined();
    // As short as it can be, or as chance has it.
    const random = FULL ? seededRandom(SEED, fault.name) : () => 0;
    const { fired, what } = await traffic.during(() => fault.strike(stack, random));
    const outcomes = await traffic.outcomes();
    const ends = MAY_UNDO.includes(fault.name) ? ['completed', 'failed'] : ['completed'];
    expect({ what, bad: outcomes.filter((o) => !ends.includes(o)) }).toEqual({ what, bad: [] });
    expect({ what, fired }).toEqual({ what, fired: true });
    expect(outcomes).toContain(fault.name === 'activity_refused' ? 'failed' : 'completed');
    expect(stack.failpoints()).toBe('');
  });
});

test('what a stack lacks is said, and struck by nothing', () => {
  const bare = { ...stack, server: undefined, proxy: undefined, disks: undefined } as unknown as Stack;
  const lacking = Object.values(FAULTS).flatMap((f) => (f.lacks?.(bare) ? [f.name] : []));
  expect(lacking.toSorted()).toEqual(
    [
      'server_kill',
      'server_stop',
      'database_full',
      'disk_full',
      'connections_cut',
      'connections_slow',
      'connections_half_open',
    ].toSorted(),
  );
});
