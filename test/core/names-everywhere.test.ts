import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAgent } from '../../src/core/agent-schema.js';
import { HandoffError } from '../../src/core/errors.js';
import { handoffIdOf, workflowIdOf } from '../../src/core/ids.js';
import { faultOf } from '../../src/core/message.js';
import { parseProcedure } from '../../src/core/procedure-schema.js';
import { arrivalFolder } from '../../src/core/request.js';
import { parseRequest } from '../../src/core/request-schema.js';
import { PATH_NAMES } from './path-names.js';

/** What a name would become where it is taken: a path below `/root`, which must stay as it is written. */
type Place = (name: string) => string | undefined;

const parties = { source: { phase: '8' }, target: { phase: '13' } };
const requested = (over: object) => parseRequest({ procedure: 'WORK', ...parties, ...over }, 0, () => 'ho_1');
const arrival = (target: object, name = 'a'): string =>
  path.posix.join.apply(undefined, ['/root', 'artifacts', arrivalFolder(target), name]);

const FIELDS: Record<string, Place> = {
  'the handoff id': (n) => `/root/.staging/${requested({ handoffId: n }).handoffId}`,
  'the session': (n) => void requested({ session: n }),
  'the procedure': (n) => void requested({ procedure: n }),
  'the source agent': (n) => `/root/artifacts/${arrivalFolder(requested({ source: { agent: n } }).source)}/a`,
  'the source phase': (n) => `/root/artifacts/${arrivalFolder(requested({ source: { phase: n } }).source)}/a`,
  'the target agent': (n) => `/root/artifacts/${arrivalFolder(requested({ target: { agent: n } }).target)}/a`,
  'the target phase': (n) => `/root/artifacts/${arrivalFolder(requested({ target: { phase: n } }).target)}/a`,
  "an artifact's name": (n) =>
    `/root/artifacts/phase_13/${requested({ artifacts: [{ name: n, path: 'x' }] }).artifacts[0]!.name}`,
  "an artifact's format": (n) => void requested({ artifacts: [{ name: 'a', path: 'x', format: n }] }),
  'a returned artifact': (n) => {
    const message = { by: 'me', epoch: 1, artifacts: [{ name: n, path: 'x' }] };
    const fault = faultOf('submitReturn', message);
    if (fault) throw new HandoffError('INVALID_MESSAGE', { message: 'submitReturn', why: fault });
    return `/root/artifacts/phase_8/${n}`;
  },
  "an agent's own name": (n) => `/root/artifacts/${arrivalFolder({ agent: parseAgent({ name: n }).name })}/a`,
  'a procedure id': (n) => void parseProcedure({ procedure_id: n, version: '1.0.0', name: 'x', steps: [STEP] }),
  'a step id': (n) =>
    void parseProcedure({ procedure_id: 'WORK', version: '1.0.0', name: 'x', steps: [{ ...STEP, step_id: n }] }),
  'an action': (n) =>
    void parseProcedure({ procedure_id: 'WORK', version: '1.0.0', name: 'x', steps: [{ ...STEP, action: n }] }),
};
const STEP = { step_id: 'one', name: 'One', action: 'validate', rules: ['VR001'] };

const REFUSED = Symbol('refused');
/** Any other error is none of ours: a stack trace would be no answer. */
function takenAs(place: Place, name: string): string | undefined | typeof REFUSED {
  try {
    return place(name);
  } catch (error) {
    if (error instanceof HandoffError) return REFUSED;
    throw new Error(`${JSON.stringify(name)} is answered with another error`, { cause: error });
  }
}
const stays = (at: string): boolean => path.posix.normalize(at) === at && !at.includes('\0');

describe.each(Object.entries(FIELDS))('as %s', (_, place) => {
  test('a name that leads out is refused by name; what is taken stays where it belongs', () => {
    const taken = PATH_NAMES.map((name) => ({ name, at: takenAs(place, name) }));
    const strays = taken.filter(({ at }) => typeof at === 'string' && !stays(at));
    expect(strays).toEqual([]);
    expect(taken.filter(({ at }) => at === REFUSED).length).toBeGreaterThan(250);
  });
});

test('a workflow id of ours is of one handoff, or of none', () => {
  const ids = PATH_NAMES.map((name) => ({ name, id: handoffIdOf(workflowIdOf(name)) })).filter(
    ({ id }) => id !== undefined,
  );
  expect(ids.length).toBeGreaterThan(0);
  expect(ids.filter(({ name, id }) => id !== name || !stays(`/root/${id}`))).toEqual([]);
});

test('a target that names nobody has a folder of its own', () => {
  expect(arrival({})).toBe('/root/artifacts/agent_anyone/a');
});
