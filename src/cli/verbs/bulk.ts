import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { HandoffClient } from '../../client.js';
import type { BulkOptions, BulkResult, BulkSummary, BulkTarget } from '../../client/bulk.js';
import { isNarrow } from '../../core/filter.js';
import { UsageError } from '../failure.js';
import { NARROWING, filterOf, type FilterOptions } from '../filter-options.js';
import type { Answer, Io } from '../io.js';
import { withLifetime } from '../lifetime.js';
import { number } from '../number.js';
import { userName, withPlace } from '../place.js';
import { safe, type Paint } from '../text/text.js';
import { verb, type Call, type VerbSpec } from '../verb.js';

type Messages = Record<string, string | number | undefined> & { by?: string };
interface BulkFlags extends FilterOptions {
  all?: boolean;
  yes?: boolean;
  dryRun?: boolean;
  rate?: number;
}
type Options = Messages & BulkFlags;

interface BulkVerb {
  /** What one line says was done. */
  done: string;
  examples: string[];
  /** Options that say something of one handoff only. */
  single?: string[];
  send: (
    client: HandoffClient,
    target: BulkTarget,
    by: string,
    o: Messages,
    options: BulkOptions,
  ) => Promise<BulkSummary>;
}

const text = (value: string | number | undefined): string => String(value ?? '');
const optional = (name: string, value: string | number | undefined): object =>
  value === undefined ? {} : { [name]: String(value) };

const BULK = {
  pause: {
    done: 'asked to pause',
    examples: ['pause --session blog --reason "waiting for legal"'],
    send: ({ bulk }, target, by, { reason, until }, options) =>
      bulk.pause(target, { by, reason: text(reason), ...optional('until', until) }, options),
  },
  resume: {
    done: 'asked to go on',
    examples: ['resume --session blog --status paused'],
    send: ({ bulk }, target, by, { note }, options) => bulk.resume(target, { by, ...optional('note', note) }, options),
  },
  cancel: {
    done: 'asked to undo and close',
    examples: ['cancel --to @reviewer --before 3d --reason "out of date" --dry-run'],
    send: ({ bulk }, target, by, { reason }, options) => bulk.cancel(target, { by, reason: text(reason) }, options),
  },
  retry: {
    done: 'trying again',
    examples: ['retry --status incident --session blog --reason "disk has room"'],
    single: ['incident', 'input'],
    send: ({ bulk }, target, by, { reason }, options) => bulk.retry(target, { by, reason: text(reason) }, options),
  },
} satisfies Record<string, BulkVerb>;

type BulkName = keyof typeof BULK;
export const isBulk = (name: string): name is BulkName => Object.hasOwn(BULK, name);

const OPTIONS: NonNullable<VerbSpec['options']> = [
  ...NARROWING,
  ['--all', 'every open handoff'],
  ['--dry-run', 'print who would be meant, and send nothing'],
  ['--yes', 'do not ask first'],
  ['--rate <n>', 'handoffs a second (default: 50)', number(0.1)],
];

/** A verb that takes one handoff, several, or all that options describe. `one` is what it does with one id. */
export function bulkVerb(
  program: Command,
  name: BulkName,
  spec: VerbSpec,
  one: (call: Call<Messages>) => Promise<Answer>,
): void {
  const known: BulkVerb = BULK[name];
  const whole: VerbSpec = {
    ...spec,
    details: `${spec.details ?? capital(spec.summary)}.\nSeveral ids, or the open handoffs that --session, --status, … describe: a line says for each what became of it.`,
    examples: [...spec.examples, ...known.examples],
    options: [...(spec.options ?? []), ...OPTIONS],
    exits: true,
  };
  verb<Options>(program, `${name} [ids...]`, whole, async (call) => {
    const { args, options } = call;
    const filter = filterOf(options);
    const described = isNarrow(filter) || Boolean(options.all);
    if (args.length > 0 && described) throw new UsageError('Name handoffs, or describe them by options, not both.');
    if (args.length === 0 && !described) {
      throw new UsageError(`Name a handoff, or describe which by --session, --status, …, or say --all.`);
    }
    if (args.length === 1 && !options.dryRun) return one(call);
    const single = known.single?.find((option) => options[option] !== undefined);
    if (single) throw new UsageError(`--${single} is for one handoff; name it.`);
    return toMany(name, args.length > 0 ? args : filter, call);
  });
}

const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);

/** Exit code 1 where any was refused, failed, or was left out. */
async function toMany(name: BulkName, target: BulkTarget, { options, io }: Call<Options>): Promise<Answer> {
  const verbOf: BulkVerb = BULK[name];
  return withPlace(options, async ({ client }) => {
    const { count, handoffIds } = await client.bulk.preview(target, { all: Boolean(options.all) });
    const named = Array.isArray(target);
    const open = named ? 'named' : count === 1 ? 'matches' : 'match';
    const matches = `${count}${named ? '' : ' open'} handoff${count === 1 ? '' : 's'} ${open}`;
    if (options.dryRun) {
      const json = { verb: name, dryRun: true, count, handoffIds };
      return { json, text: [...handoffIds, `${matches}; nothing was sent.`].map(safe).join('\n') };
    }
    if (count > 0 && !named && !options.yes && !(await confirmed(`${matches}. ${capital(name)}?`, io))) {
      return { json: { verb: name, count, sent: false }, text: 'Nothing was sent.', exitCode: 1 };
    }
    const results: BulkResult[] = [];
    const summary = await withLifetime(({ signal }) =>
      verbOf.send(client, handoffIds, options.by ?? userName(), options, {
        signal,
        ...(options.rate === undefined ? {} : { rate: options.rate }),
        onResult: (result) => {
          results.push(result);
          if (!io.json) io.say(lineOf(io.paint, result, verbOf.done));
        },
      }),
    );
    const whole = summary.refused + summary.failed + summary.left === 0;
    return {
      json: { verb: name, ...summary, results },
      text: summaryText(summary, verbOf.done),
      exitCode: whole ? 0 : 1,
    };
  });
}

function lineOf(paint: Paint, { handoffId, result, incidents, error }: BulkResult, done: string): string {
  const { green, yellow, red } = paint;
  const why = error ? `${error.code}: ${error.message}` : '';
  const [mark, told] = {
    done: [green('✓'), `${done}${incidents ? `: ${incidents.join(', ')}` : ''}`],
    sent: [yellow('~'), 'sent; no worker answers now, so it takes effect once one is back'],
    refused: [yellow('!'), `refused ${why}`],
    failed: [red('✗'), `failed ${why}`],
  }[result] as [string, string];
  return `${mark} ${safe(`${handoffId} ${told}`)}`;
}

function summaryText(s: BulkSummary, done: string): string {
  const parts = [
    `${s.done} ${done}`,
    ...(s.sent ? [`${s.sent} sent, to take effect once a worker is back`] : []),
    ...(s.refused ? [`${s.refused} refused`] : []),
    ...(s.failed ? [`${s.failed} failed`] : []),
    ...(s.left ? [`${s.left} left out`] : []),
  ];
  return s.matched === 0 ? 'No open handoff matches.' : `${s.matched} matched: ${parts.join(', ')}.`;
}

/** Asks a person; where none is there to answer, nothing may be sent without --yes. */
async function confirmed(question: string, io: Io): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY || io.json) {
    throw new UsageError(`${question} Nobody is there to answer: say --yes to send, or --dry-run to see which.`);
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
  } finally {
    asking.close();
  }
}
