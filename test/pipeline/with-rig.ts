import { afterAll, beforeAll } from 'vitest';
import { Rig, type RigOptions } from '../rig/rig.js';
import type { Steps } from './phases.js';

/** Gives the tests around it one rig, whose worker has these steps; `there` are those of a second one, on a task queue of its own. */
export function withRig(
  steps: Steps,
  have: (rig: Rig, other: string) => void,
  { there, ...options }: Omit<RigOptions, 'phases'> & { there?: Steps } = {},
): void {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.create({ ...options, phases: steps.phases });
    const other = `${rig.taskQueue}-other`;
    have(rig, other);
    if (there) await rig.anotherWorker({ taskQueue: other, phases: there.phases });
  });
  afterAll(async () => {
    steps.openAll();
    await rig.close();
  });
}
