import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ReliabilityDetail, ReliabilityReport } from '../core/reliability/report.js';
import type { ReliabilityOptions, ReliabilitySettings } from '../core/reliability/settings.js';
import { keptTest, newTestId } from '../reliability/kept-test.js';
import { prepared } from '../reliability/prepare.js';
import { configuredAddress, connectOptions } from '../temporal/connect.js';
import { UsageError } from './failure.js';
import { readDocument } from './input.js';
import type { Answer, Io } from './io.js';
import { withLifetime } from './lifetime.js';
import { storageAt, storageIfThere, type PlaceOptions } from './place.js';
import { progressLine, reportText } from './text/reliability-text.js';
import { columns } from './text/text.js';
import { fit } from './text/width.js';
import type { Call } from './verb.js';
import type { RunOptions } from './verbs/reliability.js';

/** `handoff reliability NAME`: runs the test, tells how far it is, and keeps what came of it. */
export async function runReliability({ args, options, io }: Call<RunOptions>): Promise<Answer> {
  const settings = await checked(args[0] ?? '', options);
  if (options.report !== undefined) await writable(options.report);
  const storage = await storageAt(options);
  const progress = progressOf(io);
  try {
    const { report, detail } = await withLifetime(
      ({ signal }) => {
        const testId = newTestId();
        io.say(io.paint.dim(`${testId}  seed ${settings.seed}  (Ctrl-C stops it)`));
        return keptTest(storage.reliability, testId, settings, { signal, progress: progress.show, say: progress.say });
      },
      { onStop: () => io.note('Stopping: its processes end first. Ctrl-C again leaves at once.') },
    );
    progress.end();
    if (options.report !== undefined) await writeReport(options.report, report, detail);
    const written = options.report === undefined ? '' : `\n\nPlots are in ${options.report}`;
    const more = `\nAgain: handoff reliability show ${report.testId}`;
    const text = `${reportText(io.paint, report, detail)}${more}${written}`;
    return { json: report, text, exitCode: report.status === 'passed' ? 0 : 1 };
  } finally {
    progress.end();
    await storage.close();
  }
}

/** Reads only: where nothing is kept yet, nothing is made before the test can begin. */
async function checked(name: string, options: RunOptions & PlaceOptions): Promise<ReliabilitySettings> {
  const there = await storageIfThere(options);
  try {
    return await prepared(name, await optionsOf(options), there);
  } finally {
    await there?.close();
  }
}

export async function writeReport(file: string, report: ReliabilityReport, detail: ReliabilityDetail): Promise<void> {
  const { htmlReport } = await import('../reliability/html/page.js');
  await writeFile(file, htmlReport(report, detail));
}

/** Said before the test, not after it. */
async function writable(file: string): Promise<void> {
  await writeFile(file, '', { flag: 'a' }).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`The report cannot be written to ${path.resolve(file)}: ${error.code ?? error.message}.`);
  });
}

async function optionsOf(options: RunOptions & PlaceOptions): Promise<ReliabilityOptions> {
  const { faults, timeout, quiet, module = [], procedures = [], procedure, request } = options;
  const given = request === undefined ? undefined : await readDocument(request);
  const { iterations, concurrency, failureRate, stressFactor, seed, workers, keep } = options;
  const names = faults === false ? [] : faults?.split(',').map((name) => name.trim());
  const set = {
    iterations,
    concurrency,
    failureRate,
    stressFactor,
    seed,
    workers,
    keep,
    timeoutSeconds: timeout,
    quietSeconds: quiet,
    procedure,
    faults: names,
    procedures: procedures.length > 0 ? procedures : undefined,
    modules: module.length > 0 ? module : undefined,
    request: given as Record<string, unknown> | undefined,
    requestFrom: request,
    source: options.source?.[0],
    ...serverOf(options),
  };
  return Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
}

/** A server is used only where it is named on this command line: what a shell is connected to may be somebody's own. */
function serverOf({ address, namespace, profile }: PlaceOptions): { address?: string; namespace?: string } {
  if (address === undefined && profile === undefined) return {};
  const asked = { address, namespace, profile };
  const found = configuredAddress(asked)?.address;
  if (found === undefined)
    throw new UsageError(`The profile ${profile ?? ''} has no address; name one with --address.`);
  return { address: found, namespace: connectOptions(asked).namespace };
}

const PLAIN_MS = 5000;

/** One line that is drawn again on a terminal; elsewhere a line every few seconds. */
function progressOf(io: Io): { show: (r: ReliabilityReport) => void; say: (line: string) => void; end: () => void } {
  const stream = io.json ? process.stderr : process.stdout;
  const redraws = Boolean(stream.isTTY);
  let drawn = false;
  let saidAt = 0;
  let doing: string | undefined;
  const clear = (): void => {
    if (drawn) stream.write('\r\x1b[2K');
    drawn = false;
  };
  return {
    show: (report) => {
      if (report.status !== 'running') return;
      const line = fit(progressLine(io.paint, report), Math.min(columns(), 79));
      if (redraws) {
        clear();
        stream.write(line);
        drawn = true;
      } else if (report.doing !== doing || Date.now() - saidAt > PLAIN_MS) {
        saidAt = Date.now();
        doing = report.doing;
        io.say(line);
      }
    },
    say: (line) => {
      clear();
      io.say(io.paint.dim(`  ${line}`));
    },
    end: clear,
  };
}
