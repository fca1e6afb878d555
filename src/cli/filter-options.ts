import type { HandoffFilter } from '../core/filter.js';
import { timeOrSpan } from '../core/date.js';
import type { ShownStatus } from '../core/handoff.js';
import { partyText, type Party, type Priority } from '../core/request.js';
import { UsageError } from './failure.js';
import type { VerbSpec } from './verb.js';

/** The options by which `list`, `incidents` and the bulk verbs say which handoffs they mean. */
export interface FilterOptions {
  open?: boolean;
  status?: string;
  session?: string;
  procedure?: string;
  from?: string;
  to?: string;
  priority?: string;
  blocked?: string;
  since?: string;
  before?: string;
}

type Options = NonNullable<VerbSpec['options']>;

/** What narrows, for verbs that mean open handoffs anyway. */
export const NARROWING: Options = [
  ['--status <status>', 'as shown: running, awaiting_acceptance, paused, incident, …'],
  ['--session <id>', 'of one session'],
  ['--procedure <id>', 'by one procedure'],
  ['--from <name>', 'from this agent or phase'],
  ['--to <name>', 'to this agent or phase'],
  ['--priority <priority>', 'immediate, normal or background'],
  ['--blocked <text>', 'that do not move for a reason that begins so, such as "paused by"'],
  ['--since <when>', 'started since then: a date, or a span such as 2h'],
  ['--before <when>', 'started before then'],
];
export const FILTER_OPTIONS: Options = [['--open', 'only those that are not closed'], ...NARROWING];

/** The filter that the options make. Its values are checked where it is used. Throws UsageError. */
export function filterOf(o: FilterOptions, now = Date.now()): HandoffFilter {
  const filter: HandoffFilter = {
    open: o.open,
    status: o.status as ShownStatus | undefined,
    session: o.session,
    procedure: o.procedure,
    source: o.from,
    target: o.to,
    priority: o.priority as Priority | undefined,
    blocked: o.blocked,
    startedAfter: timeOf(o.since, '--since', now),
    startedBefore: timeOf(o.before, '--before', now),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** `2026-01-13T11:30:00Z`, or so long ago: `90s`, `45m`, `2h`, `3d`. */
export function timeOf(text: string | undefined, option: string, now: number): number | undefined {
  if (text === undefined) return undefined;
  const time = timeOrSpan(text, now);
  if (time === undefined) {
    throw new UsageError(
      `${option} ${text}: it must be a date (ISO 8601, such as 2026-01-13T11:30:00Z) or a span such as 90s, 45m, 2h or 3d.`,
    );
  }
  return time;
}

/** `@code-architect (phase 8) → @nodejs-specialist (phase 13)`. */
export const routeOf = ({ source = {}, target = {} }: { source?: Party; target?: Party }): string =>
  `${partyText(source)} → ${partyText(target)}`;
