import { COMPONENT_TYPES, type ComponentType, type Fact, type ReportState } from './report.js';

/** What verification is computed from: the state of a report has all of it. */
export type Known = Pick<ReportState, 'author' | 'version' | 'outline' | 'facts'>;

/**
 * The facts that count of the present version: of files that are still attached, under that name and for that component,
 * and those that somebody other than the author entered about this very version.
 */
export function countingFacts({ author, version, outline, facts }: Known): Fact[] {
  return facts.filter(({ source, component, digest }) =>
    source.kind === 'file'
      ? outline.attachments.some(
          (a) => a.name === source.attachment && a.sha256 === source.sha256 && a.component === component,
        )
      : source.by !== author && digest === version.digest,
  );
}

/**
 * Which components are verified, each with the ids of the facts that make it so. Its author has to call it completed. The
 * last word of a reviewer on it decides; where none was said, tests do, of which there must be some and none failed.
 */
export function verifiedComponents(known: Known): Map<ComponentType, string[]> {
  const facts = countingFacts(known);
  const completed = COMPONENT_TYPES.filter((c) => known.outline.components[c].status === 'completed');
  return new Map(
    completed.flatMap((component) => {
      const ids = idsThatVerify(facts.filter((f) => f.component === component));
      return ids.length > 0 ? [[component, ids] as const] : [];
    }),
  );
}

function idsThatVerify(facts: readonly Fact[]): string[] {
  const word = facts.filter((f) => f.source.kind === 'reviewer' && f.verified !== undefined).at(-1);
  if (word) return word.verified ? [word.id] : [];
  const tests = facts.filter((f) => f.tests !== undefined);
  const good = tests.every(({ tests: t }) => t!.failed === 0 && t!.passed === t!.run);
  return good ? tests.filter((f) => f.tests!.run > 0).map((f) => f.id) : [];
}

/** What automatic approval looks at, each 0 to 1, and their mean. */
export interface AutoApproval {
  components: number;
  tests: number;
  coverage: number;
  score: number;
  /** Whether the mean reaches the threshold; never where there is no threshold. */
  approves: boolean;
}

/** Guards against sums such as 0.7 + 1 + 1, which is not 2.7. */
const TINY = 1e-9;

/**
 * The mean of verified components ÷ 8, tests passed ÷ run, and coverage ÷ target. Nothing that the author says of
 * themselves goes into it. The same file attached twice counts once. Of several coverages the lowest counts, so that a
 * second file never makes a first one better.
 */
export function autoApproval(known: Known & Pick<ReportState, 'terms'>): AutoApproval {
  const { autoApprovalThreshold: threshold, coverageTarget } = known.terms;
  const facts = countingFacts(known);
  const once = facts.filter((f, i) => facts.findIndex((other) => sourceOf(other) === sourceOf(f)) === i);
  const sum = (of: (f: Fact) => number | undefined): number => once.reduce((n, f) => n + (of(f) ?? 0), 0);
  const run = sum((f) => f.tests?.run);
  const lowest = lowestCoverage(facts);
  const components = verifiedComponents(known).size / COMPONENT_TYPES.length;
  const tests = run > 0 ? ratio(sum((f) => f.tests?.passed) / run) : 0;
  const coverage = lowest === undefined ? 0 : ratio(coverageTarget > 0 ? lowest / coverageTarget : 1);
  const score = (components + tests + coverage) / 3;
  return { components, tests, coverage, score, approves: threshold !== undefined && score >= threshold - TINY };
}

/** Per cent of lines; undefined where no fact says any. */
export function lowestCoverage(facts: readonly Fact[]): number | undefined {
  const said = facts.flatMap((f) => f.coverage ?? []);
  return said.length > 0 ? Math.min(...said) : undefined;
}

/** Whether somebody has refused this very version: what files say does not overrule them. */
export const isRefused = ({ version, reviews, signOffs }: ReportState): boolean =>
  [...reviews, ...signOffs].some(
    ({ digest, status, ended }) =>
      digest === version.digest && ended === undefined && (status === 'rejected' || status === 'amendments_required'),
  );

const ratio = (n: number): number => Math.min(1, Math.max(0, n));
const sourceOf = ({ id, source }: Fact): string => (source.kind === 'file' ? source.sha256 : id);
