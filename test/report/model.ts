import fc from 'fast-check';
import type { Actor, SignOffRole } from '../../src/core/report/report.js';

/**
 * What must be true of a report, from the list of what was accepted alone. It has no sign-offs that it would mark or take
 * away: whether one counts is looked up anew each time.
 */
export const PEOPLE: Record<'author' | 'alice' | 'bob' | 'carol' | 'root', Actor> = {
  author: { by: '@code-architect', roles: ['agent', 'developer', 'tech_lead', 'reviewer'] },
  alice: { by: '@alice', roles: ['developer', 'tech_lead'] },
  bob: { by: '@bob', roles: ['tech_lead', 'reviewer'] },
  carol: { by: '@carol', roles: ['qa_engineer', 'reviewer'] },
  root: { by: '@root', roles: ['admin'] },
};
export type Person = keyof typeof PEOPLE;
export const REQUIRED: SignOffRole[] = ['developer', 'tech_lead', 'qa_engineer'];
export const EXPIRY_DAYS = 30;

export type Deed =
  | { do: 'edit'; who: Person; content: number }
  | { do: 'submit'; who: Person }
  | { do: 'review'; who: Person; status: 'approved' | 'rejected' | 'amendments_required'; stale: boolean }
  | {
      do: 'sign';
      who: Person;
      role: SignOffRole;
      how: 'approved' | 'conditionally_approved' | 'rejected';
      stale: boolean;
    }
  | { do: 'revoke'; who: Person; role: SignOffRole }
  | { do: 'meet'; who: Person; role: SignOffRole }
  | { do: 'wait'; days: number; seen: boolean };

const who = fc.constantFrom<Person>('author', 'alice', 'bob', 'carol', 'root');
const mostly = (person: Person): fc.Arbitrary<Person> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(person) }, { weight: 1, arbitrary: who });
const role = fc.constantFrom(...REQUIRED);
const stale = fc.nat(9).map((n) => n === 0);
/** Who signs knows mostly what they may. */
const signing = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<[Person, SignOffRole]>(
      ['alice', 'developer'],
      ['bob', 'tech_lead'],
      ['carol', 'qa_engineer'],
    ),
  },
  { weight: 2, arbitrary: fc.tuple(who, role) },
);

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), who: mostly('author'), content: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('submit' as const), who: mostly('author') }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('review' as const),
      who: mostly('bob'),
      status: fc.oneof(
        { weight: 30, arbitrary: fc.constant('approved' as const) },
        { weight: 1, arbitrary: fc.constant('rejected' as const) },
        { weight: 3, arbitrary: fc.constant('amendments_required' as const) },
      ),
      stale,
    }),
  },
  {
    weight: 10,
    arbitrary: fc
      .tuple(signing, fc.constantFrom('approved', 'approved', 'approved', 'conditionally_approved', 'rejected'), stale)
      .map(([[person, as], how, old]) => ({
        do: 'sign' as const,
        who: person,
        role: as,
        how: how as 'approved',
        stale: old,
      })),
  },
  { weight: 2, arbitrary: signing.map(([person, as]) => ({ do: 'revoke' as const, who: person, role: as })) },
  { weight: 3, arbitrary: signing.map(([person, as]) => ({ do: 'meet' as const, who: person, role: as })) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), days: fc.constantFrom(1, 9, 16), seen: fc.boolean() }),
  },
);
export const deeds = (length: number): fc.Arbitrary<Deed[]> => fc.array(deed, { minLength: length, maxLength: length });

interface Given {
  role: SignOffRole;
  by: string;
  at: number;
  /** Its place in the log. */
  place: number;
  conditional: boolean;
}

export class Model {
  private readonly log: { deed: Deed; day: number; changes: boolean }[] = [];
  private status = 'draft';
  private content = 0;
  day = 0;

  /** Whether a deed must be accepted now. */
  fits(d: Deed): boolean {
    if (d.do === 'wait') return true;
    const { by, roles } = PEOPLE[d.who];
    const own = d.who === 'author';
    switch (d.do) {
      case 'edit':
        return own && this.status !== 'rejected';
      case 'submit':
        return own && ['draft', 'amendments_required'].includes(this.status);
      case 'review':
        return (
          !own && !d.stale && this.status === 'under_review' && (roles.includes('reviewer') || roles.includes('admin'))
        );
      case 'sign': {
        if (this.status !== 'approved' || d.stale || own || !roles.includes(d.role)) return false;
        if (d.how === 'rejected') return true;
        return !this.counting().some((g) => g.role === d.role || g.by === by);
      }
      case 'revoke': {
        const given = this.counting().find((g) => g.role === d.role);
        return given !== undefined && (given.by === by || roles.includes('admin'));
      }
      case 'meet': {
        const given = this.counting().find((g) => g.role === d.role);
        return !own && given !== undefined && this.isOpen(given) && (roles.includes(d.role) || roles.includes('admin'));
      }
    }
  }

  /** It happened. */
  took(d: Deed): void {
    const changes = d.do === 'edit' && d.content !== this.content;
    this.log.push({ deed: d, day: this.day, changes });
    if (d.do === 'wait') this.day += d.days;
    if (d.do === 'submit') this.status = 'under_review';
    if (d.do === 'review') this.status = d.status;
    if (d.do === 'sign' && d.how === 'rejected') this.status = 'amendments_required';
    if (d.do === 'edit' && changes) {
      this.content = d.content;
      if (this.status === 'under_review' || this.status === 'approved') this.status = 'draft';
    }
  }

  /** What counts now: given, and since then nothing has happened that ends it. */
  counting(): Given[] {
    const given = this.log.flatMap(({ deed: d, day }, place): Given[] =>
      d.do === 'sign' && d.how !== 'rejected'
        ? [{ role: d.role, by: PEOPLE[d.who].by, at: day, place, conditional: d.how === 'conditionally_approved' }]
        : [],
    );
    return given.filter(
      (g) =>
        this.day < g.at + EXPIRY_DAYS &&
        !this.log
          .slice(g.place + 1)
          .some(
            ({ deed: d, changes }) =>
              changes || (d.do === 'revoke' && d.role === g.role) || (d.do === 'sign' && d.how === 'rejected'),
          ),
    );
  }

  private isOpen(g: Given): boolean {
    return g.conditional && !this.log.slice(g.place + 1).some(({ deed: d }) => d.do === 'meet' && d.role === g.role);
  }

  /** What is to be seen. */
  get seen(): { status: string; counting: string[]; complete: boolean } {
    const counting = this.counting();
    return {
      status: this.status,
      counting: counting.map((g) => `${g.role} ${g.by}`).toSorted(),
      complete:
        this.status === 'approved' &&
        REQUIRED.every((r) => counting.some((g) => g.role === r)) &&
        !counting.some((g) => this.isOpen(g)),
    };
  }
}
