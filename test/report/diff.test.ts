import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changesBetween, type Change } from '../../src/core/report/diff.js';
import { COMPONENT_TYPES, type ReportContent } from '../../src/core/report/report.js';

const content = (over: Partial<ReportContent> = {}): ReportContent => ({
  pipeline_id: 's',
  task_id: 'h',
  work_summary: 'w',
  components: Object.fromEntries(
    COMPONENT_TYPES.map((c) => [c, { status: 'not_started', progress_percentage: 0 }]),
  ) as ReportContent['components'],
  attachments: [],
  ...over,
});
const lists = (before: string[], after: string[]): Change[] =>
  changesBetween(content({ achievements: before }), content({ achievements: after }));
const file = (name: string, sha256: string): ReportContent['attachments'][number] => ({
  name,
  media_type: 'text/plain',
  size: 1,
  sha256,
});

test('the same twice has no change, in whatever order its fields stand', () => {
  const a = content({ achievements: ['x'] });
  expect(changesBetween(a, Object.fromEntries(Object.entries(a).toReversed()) as unknown as ReportContent)).toEqual([]);
});

test('the first version is all new', () => {
  const changes = changesBetween(undefined, content());
  expect(changes.map((c) => c.path)).toEqual([
    '/pipeline_id',
    '/task_id',
    '/work_summary',
    '/components',
    '/attachments',
  ]);
  expect(changes.every((c) => !('before' in c))).toBe(true);
});

test('a field that was changed, came, and went', () => {
  expect(
    changesBetween(
      content({ work_summary: 'old', quality_score: 0.5 }),
      content({ work_summary: 'new', submission_notes: 'n' }),
    ),
  ).toEqual([
    { path: '/work_summary', before: 'old', after: 'new' },
    { path: '/quality_score', before: 0.5 },
    { path: '/submission_notes', after: 'n' },
  ]);
});

test('a component says which of its fields', () => {
  const before = content();
  const after = content({
    components: {
      ...before.components,
      api_contracts: { status: 'blocked', progress_percentage: 0, blockers: ['key'] },
    },
  });
  expect(changesBetween(before, after)).toEqual([
    { path: '/components/api_contracts/status', before: 'not_started', after: 'blocked' },
    { path: '/components/api_contracts/blockers', after: ['key'] },
  ]);
});

describe('of a list', () => {
  test.each<[string, string[], string[], Change[]]>([
    ['one came in first', ['b', 'c'], ['a', 'b', 'c'], [{ path: '/achievements/0', after: 'a' }]],
    ['one went from the middle', ['a', 'b', 'c'], ['a', 'c'], [{ path: '/achievements/1', before: 'b' }]],
    ['one was edited', ['a', 'b', 'c'], ['a', 'B', 'c'], [{ path: '/achievements/1', before: 'b', after: 'B' }]],
    [
      'one came and one went',
      ['a', 'b', 'c', 'd'],
      ['b', 'c', 'd', 'e'],
      [
        { path: '/achievements/0', before: 'a' },
        { path: '/achievements/3', after: 'e' },
      ],
    ],
  ])('%s', (_, before, after, changes) => {
    expect(lists(before, after)).toEqual(changes);
  });

  test('files are told by their names', () => {
    expect(
      changesBetween(
        content({ attachments: [file('a', '1'), file('b', '2')] }),
        content({ attachments: [file('b', '3'), file('c', '4')] }),
      ),
    ).toEqual([
      { path: '/attachments/0', before: file('a', '1') },
      { path: '/attachments/0/sha256', before: '2', after: '3' },
      { path: '/attachments/1', after: file('c', '4') },
    ]);
  });

  test('what was taken out and what came in makes the one of the other', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const changes = lists(before, after);
        const indexOf = (c: Change): number => Number(c.path.split('/')[2]);
        const left = before.filter(
          (_, i) => !changes.some((c) => 'before' in c && !('after' in c) && indexOf(c) === i),
        );
        const inserted = changes.filter((c) => 'after' in c && !('before' in c)).map(indexOf);
        const edited = new Map(changes.filter((c) => 'after' in c && 'before' in c).map((c) => [indexOf(c), c]));
        const made: unknown[] = [];
        for (let j = 0, k = 0; j < after.length; j++) {
          if (inserted.includes(j)) made.push(changes.find((c) => !('before' in c) && indexOf(c) === j)!.after);
          else {
            const was = left[k++];
            // An edit that names another text than the one that stood there is one that went wrong.
            made.push(edited.has(j) ? (edited.get(j)!.before === was ? edited.get(j)!.after : 'not so') : was);
          }
        }
        expect(made).toEqual(after);
      }),
    );
  });
});

describe('what is long', () => {
  test('is cut, with a word on it', () => {
    const [change] = changesBetween(content(), content({ work_summary: 'x'.repeat(10_000) }));
    expect(change).toEqual({ path: '/work_summary', before: 'w', after: `${'x'.repeat(500)}… (10000 characters)` });
  });

  test('lists are told in part, quickly', () => {
    const many = (word: string): string[] => Array.from({ length: 20_000 }, (_, i) => `${word}${i}`);
    const changes = lists(many('a'), many('b'));
    expect(changes).toHaveLength(501);
    expect(changes.at(-1)).toEqual({ path: '', after: '… and 19500 more changes' });
  });
});
