import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Action } from '../../src/activities/action.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { startChecker, type Checker } from '../../src/reliability/checker.js';
import parts from '../../src/reliability/checker/parts.js';
import { Rig } from '../rig/rig.js';

const [checked] = parts.procedures;
const [deliver] = parts.actions as [Action];
const CALLS = ['first_call/delivery', 'second_call/delivery'];

/** A planted bug: what it sends has a key of its own each time, and it sends twice. */
const carelessly: Action = {
  ...deliver,
  name: 'deliver_carelessly',
  run: (context) =>
    deliver.run({
      ...context,
      effect: (name, data, act) =>
        context.effect(name, data, async () => {
          await act(randomUUID());
          return act(randomUUID());
        }),
    }),
};
/** Another: it says that it has taken back, and has not. */
const forgetfully: Action = { ...deliver, name: 'deliver_forgetfully', undo: () => Promise.resolve() };

/** The checked procedure, its first call by another action. */
const withAction = (id: string, action: string) => ({
  ...checked!,
  procedure_id: id,
  steps: checked!.steps.map((s) => (s.step_id === 'first_call' ? { ...s, action } : s)),
});

/** Refused when all of it has been done. */
const failing = (procedure: NonNullable<typeof checked>, id: string) => ({
  ...procedure,
  procedure_id: id,
  steps: [
    ...procedure.steps,
    {
      step_id: 'last_check',
      name: 'Last Check',
      action: 'validate',
      rules: ['VR004'],
      // Nobody has it.
      with: { capabilities: ['flying'] },
    },
  ],
});

let rig: Rig;
let checker: Checker;
beforeAll(async () => {
  const careless = withAction('CARELESS', carelessly.name);
  const forgetful = withAction('FORGETFUL', forgetfully.name);
  rig = await Rig.create({
    procedures: [checked!, careless, failing(checked!, 'CHECKED_FAILS'), failing(forgetful, 'FORGETFUL_FAILS')],
    actions: [deliver, carelessly, forgetfully],
  });
  checker = await startChecker({ folder: path.join(rig.folder, 'checker'), root: rig.storage.root });
});
afterAll(async () => {
  await checker.close();
  await rig.close();
});

async function run(procedure: string, over: Partial<HandoffRequest> = {}): Promise<string> {
  const request = await rig.request(procedure, { metadata: { checker: checker.url }, ...over });
  const { handoffId: handoff, session, artifacts = [] } = request;
  const files = artifacts.map(({ name, path: from }) => ({
    path: rig.arrival(handoff, name),
    sha256: createHash('sha256')
      .update(readFileSync(path.join(rig.folder, 'in', from)))
      .digest('hex'),
  }));
  await checker.expect({ handoff, session, procedure, files, calls: CALLS });
  await rig.client.start(request);
  rig.started.add(handoff);
  const { outcome } = await rig.client.result(handoff);
  await checker.ended(handoff, outcome);
  return handoff;
}

test('what is right is right, and each planted bug is found', async () => {
  await run('RELIABILITY_CHECKED');
  expect(await checker.report()).toMatchObject({ applied: 4, twice: 0, missing: 0, leftBehind: 0, violations: [] });

  await run('CHECKED_FAILS');
  const clean = await checker.report();
  expect(clean).toMatchObject({ applied: 4, twice: 0, missing: 0, leftBehind: 0 });
  expect(clean.undone).toBeGreaterThanOrEqual(2);

  await run('CARELESS');
  expect(await checker.report()).toMatchObject({ twice: 1 });

  await run('FORGETFUL_FAILS');
  expect(await checker.report()).toMatchObject({ twice: 1, leftBehind: 1 });

  const lost = await run('RELIABILITY_CHECKED');
  await rm(rig.arrival(lost, 'modules.json'));
  expect(await checker.report()).toMatchObject({ missing: 1 });
});

test('without an address the step fails and says so', async () => {
  const id = await rig.start('RELIABILITY_CHECKED');
  const { outcome, steps } = await rig.client.result(id);
  expect(outcome).toBe('failed');
  expect(steps['first_call']?.error?.message).toContain('set metadata.checker or HANDOFF_CHECKER_URL');
});
