// A worker's parts with a planted bug: what is delivered has another key each time, so its receiver cannot know it again.
import { randomUUID } from 'node:crypto';
import parts from '../../dist/reliability/checker/parts.js';

const [procedure] = parts.procedures;
const [deliver] = parts.actions;
const careless = {
  ...deliver,
  name: 'deliver_carelessly',
  run: (context) =>
    deliver.run({ ...context, effect: (name, data, act) => context.effect(name, data, () => act(randomUUID())) }),
};
const steps = procedure.steps.map((s) => (s.step_id === 'second_call' ? { ...s, action: careless.name } : s));

export default { procedures: [{ ...procedure, procedure_id: 'CARELESS', steps }], actions: [careless] };
