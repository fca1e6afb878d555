import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentOf } from '../../src/client/start.js';
import { asRequest } from '../../src/coordination/request-from.js';
import { carriedDocument } from '../../src/core/document/carried-schema.js';
import { parseRequest } from '../../src/core/request-schema.js';
import type { Subject } from '../../src/core/request.js';
import { AgentHandoffCoordinator } from '../../src/index.js';
import { runs, seeded } from '../properties/seed.js';

const HALF = /\p{Surrogate}/u;
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).filter((s) => !HALF.test(s)),
  fc.constantFrom('', ' ', '<script>', '# x', '\u202e', 'constructor', 'toJSON', '\u001b[2J'),
);
const value = fc
  .jsonValue({ maxDepth: 2 })
  .filter((v) => !/__proto__|\\ud/.test(JSON.stringify(v)))
  .map((v) => JSON.parse(JSON.stringify(v)) as unknown);
const key = text.filter((k) => k !== '' && !/[\u0000-\u001f]/.test(k));
const fields = fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });
const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { maxLength: 3 });
const YEAR = 365 * 86_400_000;
const date = (from: number): fc.Arbitrary<string> =>
  fc.integer({ min: from, max: from + YEAR }).map((t) => new Date(t).toISOString());
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n));

const context = fc.record(
  {
    sessionId: fc.constantFrom('s1', 'a:b', 'x.y-z'),
    artifacts: list(text),
    workingDirectory: text,
    userRequest: text,
    decisions: list(fc.record({ what: text, why: text, alternatives: list(text) }, { requiredKeys: ['what', 'why'] })),
    custom: fields,
    later: value,
  },
  { requiredKeys: [] },
);
const instructions = fc.record(
  {
    task: text,
    expectedOutput: text,
    doneCriteria: list(text),
    constraints: list(text),
    focusAreas: list(text),
    avoid: list(text),
    deadline: date(Date.now()),
    later: value,
  },
  { requiredKeys: ['task'] },
);
const trace = fc.record({
  operation: text,
  timestamp: text,
  durationMs: number,
  decisions: list(fc.record({ point: text, choice: text, reason: text })),
  metrics: list(fc.record({ name: text, value: number, unit: text }, { requiredKeys: ['name', 'value'] })),
  errors: list(fc.record({ code: text, message: text })),
  success: fc.boolean(),
});
const required = {
  id: fc.uuid(),
  version: fc.constantFrom('1', '1.0', '1.0.0', '1.7.3'),
  sourceAgent: fc.constantFrom('a', '@b', 'code-reviewer'),
  targetAgent: fc.constantFrom('c', '@d'),
  priority: fc.constantFrom('immediate', 'normal', 'background'),
  status: fc.constant('pending'),
  context,
  instructions,
  createdAt: date(0),
};
const document = fc.record(
  {
    ...required,
    trace,
    expiresAt: date(Date.now() + YEAR),
    metadata: fc.oneof(fields, fc.record({ ending: value })),
    later: value,
    sessionId: text.filter((t) => t !== ''),
    artifacts: value,
    contract: value,
  },
  { requiredKeys: Object.keys(required) as (keyof typeof required)[] },
);

test('any document that is handed over comes back as it was', () => {
  fc.assert(
    fc.property(document, (given) => {
      const before = AgentHandoffCoordinator.parseHandoff(given).toJSON();
      const request = parseRequest(asRequest(before as never), Date.now(), () => 'unused');
      const content: unknown = JSON.parse(JSON.stringify(contentOf({ request } as never)));
      const subject = { ...request, procedure: { id: request.procedure } } as unknown as Subject;
      const after = carriedDocument(subject, content as never, 0);
      // Two things a run decides: a handoff without a session has one of its own, and the expiry is its clock's.
      const { expiresAt: _, ...rest } = before;
      const expected = { ...rest, context: { ...rest.context, sessionId: rest.context.sessionId ?? rest.id } };
      expect(AgentHandoffCoordinator.parseHandoff(after).toJSON()).toEqual(expected);
    }),
    seeded(runs(200)),
  );
});
