import type { Command, Option } from 'commander';
import type { ReliabilityReport } from '../../core/reliability/report.js';
import type { Answer } from '../io.js';
import { number } from '../number.js';
import { withStorage, type PlaceOptions } from '../place.js';
import { configurationsText } from '../text/reliability-text.js';
import { columns } from '../text/text.js';
import { PARTS_OPTIONS, type PartsOptions } from '../parts-options.js';
import { verb, type Call } from '../verb.js';

const STATUSES = ['running', 'passed', 'failed', 'stopped'] as const;
const EXIT = { ok: 'passed', failed: 'not passed' };

export interface RunOptions extends PartsOptions {
  iterations?: number;
  concurrency?: number;
  timeout?: number;
  failureRate?: number;
  stressFactor?: number;
  seed?: number;
  workers?: number;
  /** `false` by `--no-faults`. */
  faults?: string | false;
  quiet?: number;
  procedure?: string;
  request?: string;
  report?: string;
  keep?: boolean;
}

export function reliabilityVerbs(program: Command): void {
  const group = program
    .command('reliability')
    .description('prove by many handoffs, under real faults, that none is lost, doubled or half done');
  group.addHelpText('after', `\nThe tests:\n${configurationsText()}`);
  group.addHelpText(
    'after',
    '\nExample:\n  $ handoff reliability RELIABILITY_STANDARD\n  $ handoff reliability FAILURE_INJECTION_STANDARD --report out.html',
  );
  runVerb(group);
  lookVerbs(group);
}

const whole = (least: number): ((o: Option) => Option) => number(least, { whole: true });

function runVerb(group: Command): void {
  verb<RunOptions>(
    group,
    'run <configuration>',
    {
      summary: 'run one of the tests; the word `run` may be left out',
      details:
        'Runs one of the tests that `handoff reliability --help` lists, on a stack of its own: an embedded server, worker processes and a data folder, all removed at the end. With --address it uses that server, on a task queue of its own. It needs no configuration and touches no handoff of yours; only the result is kept in the data folder.',
      examples: [
        'reliability RELIABILITY_STANDARD',
        'reliability run FAILURE_INJECTION_STANDARD --seed 4711 --json',
        'reliability STRESS_STANDARD --iterations 250 --report out.html',
      ],
      exitCodes: EXIT,
      options: [
        ['--iterations <n>', 'so many handoffs; the time limit grows with them', whole(1)],
        ['--concurrency <n>', 'so many open at once', whole(1)],
        ['--timeout <seconds>', 'the limit for the whole test', number(0)],
        ['--failure-rate <share>', 'share of step attempts that fail, 0 to 1', number(0)],
        ['--stress-factor <n>', 'multiplies how many are open, and what each carries', number(1)],
        ['--seed <n>', 'of all that is random (default: a new one, which it prints)', whole(0)],
        ['--workers <n>', 'worker processes (default: 2)', whole(1)],
        ['--faults <names>', '`all`, or names with commas (default: all for failure injection, else none)'],
        ['--no-faults', 'let nothing strike; steps fail by --failure-rate all the same'],
        ['--quiet <seconds>', 'a run that does not move for so long is stuck (default: 60)', number(1)],
        ['--procedure <id>', 'a procedure of yours instead of the standard ones'],
        ['--request <file>', 'the request that each iteration copies, JSON or YAML; `{n}` is its number'],
        ...PARTS_OPTIONS,
        ['--report <file>', 'write an HTML page with plots'],
        ['--keep', "keep the test's own folder, and say where it is"],
      ],
      needs: ['folder', 'server'],
      exits: true,
      isDefault: true,
    },
    async (call) => {
      // The rest takes seconds to load where a machine is busy.
      (await import('../../core/reliability/settings.js')).configurationNamed(call.args[0] ?? '');
      return (await import('../run-reliability.js')).runReliability(call);
    },
  );
}

function lookVerbs(group: Command): void {
  verb<{ configuration?: string; status?: ReliabilityReport['status']; limit?: number }>(
    group,
    'list',
    {
      summary: 'the tests that were run here, newest first',
      examples: ['reliability list', 'reliability list --configuration STRESS_STANDARD --status failed'],
      options: [
        ['--configuration <name>', 'only of this one'],
        ['--status <status>', 'only those that are so', (o) => o.choices(STATUSES)],
        ['--limit <n>', 'at most so many (default: 50)', whole(1)],
      ],
      needs: ['folder'],
    },
    async ({ options, io }) => {
      const { configuration, status, limit } = options;
      if (configuration !== undefined) {
        (await import('../../core/reliability/settings.js')).configurationNamed(configuration);
      }
      const filter = {
        ...(configuration === undefined ? {} : { configuration }),
        ...(status === undefined ? {} : { status }),
        ...(limit === undefined ? {} : { limit }),
      };
      const tests = await reading(options, (s) => s.reliability.list(filter));
      const { testsTable } = await import('../text/reliability-text.js');
      return { json: tests, text: testsTable(io.paint, tests, columns()) };
    },
  );
  verb<{ report?: string }>(
    group,
    'show <test>',
    {
      summary: 'one test in full; its id, or the beginning of it',
      examples: ['reliability show rt-261122', 'reliability show rt-261122 --report out.html'],
      options: [['--report <file>', 'write the HTML page anew']],
      needs: ['folder'],
    },
    ({ args: [id = ''], options, io }) => show(id, options, io),
  );
  verb(
    group,
    'compare <a> <b>',
    {
      summary: 'two tests beside each other, and the second by the first',
      examples: ['reliability compare rt-261121 rt-261122'],
      needs: ['folder'],
    },
    async ({ args: [a = '', b = ''], options, io }) => {
      const { comparison, comparisonText } = await import('../text/reliability-text.js');
      const [one, other] = await reading(options, async (s) => [
        (await s.reliability.get(a)).report,
        (await s.reliability.get(b)).report,
      ]);
      const json = { a: one, b: other, compared: comparison(one, other) };
      return { json, text: comparisonText(io.paint, one, other) };
    },
  );
  verb(
    group,
    'stop <test>',
    {
      summary: 'ask a test that runs to stop',
      examples: ['reliability stop rt-261122'],
      needs: ['folder'],
    },
    ({ args: [id = ''], options }) =>
      withStorage(options, 'read', async (storage) => {
        const report = await storage.reliability.stop(id);
        const text =
          report.status === 'running' ? `${report.testId} stops.` : `${report.testId} has ended: ${report.status}.`;
        return { json: { testId: report.testId, status: report.status }, text };
      }),
  );
}

type Reader<T> = Parameters<typeof withStorage<T>>[2];
const reading = <T>(options: PlaceOptions, work: Reader<T>): Promise<T> => withStorage(options, 'read', work);

async function show(id: string, options: PlaceOptions & { report?: string }, io: Call<object>['io']): Promise<Answer> {
  const { reportText } = await import('../text/reliability-text.js');
  const { report, detail } = await reading(options, (s) => s.reliability.get(id));
  if (options.report !== undefined) {
    const { writeReport } = await import('../run-reliability.js');
    await writeReport(options.report, report, detail ?? { iterations: [], strikes: [] });
  }
  return { json: { ...report, detail }, text: reportText(io.paint, report, detail) };
}
