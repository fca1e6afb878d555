import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMPONENT_TYPES, type ComponentType, type Fact, type ReportTerms } from '../../src/core/report/report.js';
import { autoApproval, countingFacts, verifiedComponents, type Known } from '../../src/core/report/verify.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';

const TERMS: ReportTerms = { ...DEFAULT_SETTINGS.terms, autoApprovalThreshold: 0.9, coverageTarget: 80 };
const NOW = 'd'.repeat(64);
const SHA = 'a'.repeat(64);
const components = (status: 'completed' | 'in_progress' = 'completed'): Known['outline']['components'] =>
  Object.fromEntries(
    COMPONENT_TYPES.map((c) => [c, { status, progress: 100, blockers: 0 }]),
  ) as Known['outline']['components'];
const known = (facts: Fact[], over: Partial<Known> = {}): Known & { terms: ReportTerms } => ({
  author: '@author',
  version: { number: 1, digest: NOW, size: 1 },
  outline: {
    components: components(),
    missing: [],
    attachments: facts.flatMap(({ source, component }) =>
      source.kind === 'file'
        ? [{ name: source.attachment, sha256: source.sha256, ...(component ? { component } : {}) }]
        : [],
    ),
  },
  facts,
  terms: TERMS,
  ...over,
});
let n = 0;
const file = (over: Partial<Fact> = {}, sha256 = SHA): Fact => ({
  id: `f${++n}`,
  source: { kind: 'file', attachment: `file-${n}.xml`, sha256, format: 'junit' },
  digest: NOW,
  at: 1,
  ...over,
});
const word = (by: string, over: Partial<Fact> = {}): Fact => ({
  id: `w${++n}`,
  source: { kind: 'reviewer', by },
  digest: NOW,
  at: 1,
  ...over,
});
const tests = (passed: number, failed = 0, skipped = 0): Fact['tests'] => ({
  run: passed + failed,
  passed,
  failed,
  skipped,
});
const C: ComponentType = 'circuit_breaker';
const isVerified = (facts: Fact[], over: Partial<Known> = {}): boolean => verifiedComponents(known(facts, over)).has(C);

describe('a component is verified', () => {
  test.each<[string, boolean, Fact[]]>([
    ['by tests of a file that all passed', true, [file({ component: C, tests: tests(3) })]],
    ['not by nothing', false, []],
    ['not by tests of which one failed', false, [file({ component: C, tests: tests(3, 1) })]],
    ['not by tests of which none was run', false, [file({ component: C, tests: tests(0, 0, 4) })]],
    [
      'not by good tests beside bad ones',
      false,
      [file({ component: C, tests: tests(3) }), file({ component: C, tests: tests(1, 1) })],
    ],
    ['not by the tests of another', false, [file({ component: 'api_contracts', tests: tests(3) })]],
    ['not by tests of the whole report', false, [file({ tests: tests(3) })]],
    ['not by coverage', false, [file({ component: C, coverage: 100 })]],
    ['by the word of a reviewer', true, [word('@rev', { component: C, verified: true })]],
    ['not by its author’s own word', false, [word('@author', { component: C, verified: true })]],
    ['not by a word about another version', false, [word('@rev', { component: C, verified: true, digest: 'old' })]],
    [
      'not where a reviewer said no after good tests',
      false,
      [file({ component: C, tests: tests(3) }), word('@rev', { component: C, verified: false })],
    ],
    [
      'where a reviewer said no, and then yes',
      true,
      [word('@rev', { component: C, verified: false }), word('@rev', { component: C, verified: true })],
    ],
    ['by tests that a reviewer ran', true, [word('@rev', { component: C, tests: tests(5) })]],
  ])('%s', (_, is, facts) => {
    expect(isVerified(facts)).toBe(is);
  });

  test('only where its author calls it completed', () => {
    const facts = [file({ component: C, tests: tests(3) }), word('@rev', { component: C, verified: true })];
    const { outline } = known(facts);
    expect(isVerified(facts)).toBe(true);
    expect(isVerified(facts, { outline: { ...outline, components: components('in_progress') } })).toBe(false);
  });

  test('by a file of an older version while that is still attached, with those very bytes, for that component', () => {
    const old = file({ component: C, tests: tests(3), digest: 'old' });
    const { outline } = known([old]);
    const attached = (a: object): boolean =>
      isVerified([old], { outline: { ...outline, attachments: [{ ...outline.attachments[0]!, ...a }] } });
    expect(attached({})).toBe(true);
    expect(attached({ sha256: 'b'.repeat(64) })).toBe(false);
    expect(attached({ name: 'other.xml' })).toBe(false);
    expect(attached({ component: 'api_contracts' })).toBe(false);
    expect(isVerified([old], { outline: { ...outline, attachments: [] } })).toBe(false);
  });

  test('and says by which facts', () => {
    const facts = [file({ component: C, tests: tests(3) }), file({ component: C, tests: tests(2) }, 'b'.repeat(64))];
    expect(verifiedComponents(known(facts)).get(C)).toEqual(facts.map((f) => f.id));
  });
});

describe('automatic approval', () => {
  const all = (): Fact[] =>
    COMPONENT_TYPES.map((c, i) => file({ component: c, tests: tests(10) }, String(i).repeat(64)));

  test('is the mean of three ratios', () => {
    const facts = [
      ...COMPONENT_TYPES.slice(0, 4).map((c, i) => file({ component: c, tests: tests(9) }, String(i).repeat(64))),
      file({ tests: tests(0, 4) }, '9'.repeat(64)),
      file({ coverage: 60 }, 'c'.repeat(64)),
    ];
    const { score, ...ratios } = autoApproval(known(facts));
    expect(ratios).toEqual({ components: 0.5, tests: 0.9, coverage: 0.75, approves: false });
    expect(score).toBeCloseTo((0.5 + 0.9 + 0.75) / 3, 12);
  });

  test('comes where the threshold is reached, to the last digit, and never without one', () => {
    const facts = [...all(), file({ coverage: 56 }, 'c'.repeat(64))];
    expect(autoApproval(known(facts)).approves).toBe(true);
    expect(autoApproval({ ...known(facts), terms: { ...TERMS, autoApprovalThreshold: 0.901 } }).approves).toBe(false);
    const { autoApprovalThreshold: _, ...never } = TERMS;
    expect(autoApproval({ ...known([...all(), file({ coverage: 100 }, 'c'.repeat(64))]), terms: never })).toMatchObject(
      {
        score: 1,
        approves: false,
      },
    );
  });

  test('is nothing where nothing is known', () => {
    expect(autoApproval(known([]))).toEqual({ components: 0, tests: 0, coverage: 0, score: 0, approves: false });
  });

  test('counts the same file once, whatever it is called', () => {
    const bad = file({ tests: tests(0, 10) }, 'b'.repeat(64));
    const good = [1, 2, 3].map(() => file({ tests: tests(10) }));
    expect(autoApproval(known([bad, ...good])).tests).toBe(0.5);
  });

  test('a second coverage never makes the first one better', () => {
    const poor = file({ coverage: 20 }, 'b'.repeat(64));
    expect(autoApproval(known([poor, file({ coverage: 100 })])).coverage).toBe(0.25);
  });
});

const anyFact = fc
  .record({
    component: fc.option(fc.constantFrom(...COMPONENT_TYPES), { nil: undefined }),
    by: fc.constantFrom('file', '@author', '@rev'),
    passed: fc.nat(50),
    failed: fc.nat(3),
    coverage: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
    verified: fc.option(fc.boolean(), { nil: undefined }),
    digest: fc.constantFrom(NOW, 'old'),
    sha: fc.constantFrom('1', '2', '3'),
  })
  .map(({ component, by, passed, failed, coverage, verified, digest, sha }): Fact => {
    const said = {
      ...(component ? { component } : {}),
      ...(coverage === undefined ? { tests: tests(passed, failed) } : { coverage }),
      digest,
    };
    return by === 'file'
      ? file(said, sha.repeat(64))
      : word(by, { ...said, ...(verified === undefined ? {} : { verified }) });
  });

describe('whatever the facts', () => {
  test('every ratio is from 0 to 1, and the score their mean', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), (facts) => {
        const { components: c, tests: t, coverage, score } = autoApproval(known(facts));
        for (const r of [c, t, coverage, score]) expect(r >= 0 && r <= 1).toBe(true);
        expect(score).toBeCloseTo((c + t + coverage) / 3, 12);
      }),
    );
  });

  test('what the author entered, or said about another version, changes nothing', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), (facts) => {
        const honest = facts.filter((f) => f.source.kind === 'file' || (f.source.by === '@rev' && f.digest === NOW));
        expect(autoApproval(known(facts))).toEqual(autoApproval(known(honest)));
        expect(countingFacts(known(facts))).toEqual(honest);
      }),
    );
  });

  test('a failed test, or a lower coverage, never raises the score', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), fc.constantFrom(...COMPONENT_TYPES), (facts, component) => {
        const before = autoApproval(known(facts)).score;
        const worse = [...facts, file({ component, tests: tests(0, 1), coverage: 0 }, 'e'.repeat(64))];
        const after = autoApproval(known(worse));
        expect(after.score).toBeLessThanOrEqual(before + 1e-9);
        expect(after.coverage).toBe(0);
      }),
    );
  });
});
