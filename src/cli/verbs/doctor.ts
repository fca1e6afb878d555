import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_TASK_QUEUE } from '../../core/request.js';
import type { Finding, Patient } from '../doctor/finding.js';
import { failureOf, type ExitCode } from '../failure.js';
import type { Answer, Io } from '../io.js';
import { number } from '../number.js';
import { connectTo, storageAt, type PlaceOptions } from '../place.js';
import { safe, type Paint } from '../text/text.js';
import { verb } from '../verb.js';

interface DoctorOptions {
  fix?: boolean;
  minFree?: number;
}

const MB = 1_000_000;

export function doctorVerb(program: Command): void {
  verb<DoctorOptions>(
    program,
    'doctor',
    {
      summary: 'find what nobody sees, and say how to mend it',
      details:
        'Looks at server, workers, runs and data, a line for each check. Exit codes: 0 all is fine;\n1 something needs a person; 3 the server cannot be reached (the data is looked at all the same).',
      examples: ['doctor', 'doctor --fix', 'doctor --json --min-free 2000'],
      options: [
        ['--fix', 'first look for terminated runs, open a repair run for each, and remove leftovers'],
        ['--min-free <MB>', 'warn below so much room on the disk (default: 500)', number(0)],
        ['--root <dir>', 'where artifacts arrive (default: the data folder)'],
      ],
      needs: ['folder', 'server'],
      exits: true,
    },
    ({ options, io }) => doctor(options, io),
  );
}

async function doctor(options: DoctorOptions & PlaceOptions, io: Io): Promise<Answer> {
  const [{ examine }, { bad, skipped }] = await Promise.all([
    import('../doctor/examine.js'),
    import('../doctor/finding.js'),
  ]);
  const more: Finding[] = [];
  const { connectClient } = await import('../../temporal/connect.js');
  const connected = await connectTo(options)
    .then(connectClient)
    .catch(
      (error: unknown) =>
        void more.push(bad('server', failureOf(error).message, 'Start it, or name it with --address or --profile.')),
    );
  const folder = path.resolve(options.folder);
  const storage = existsSync(path.join(folder, 'handoff.db'))
    ? await storageAt(options).catch((error: unknown) => {
        more.push(bad('database', failureOf(error).message, 'Put back a backup of the whole folder.'));
      })
    : void more.push(skipped('data', `${folder} holds no handoff data; name the folder with --folder`));
  try {
    const patient: Patient = {
      taskQueue: options.taskQueue ?? DEFAULT_TASK_QUEUE,
      minFree: (options.minFree ?? 500) * MB,
      graceMs: 60_000,
      ...(connected ? { temporal: connected } : {}),
      ...(storage ? { storage } : {}),
    };
    const fixed = options.fix ? await fix(patient) : undefined;
    const findings = [...more, ...(await examine(patient)).filter((f) => !more.some((m) => m.check === f.check))];
    const lines = findings.map((f) => lineOf(io.paint, f));
    const exitCode: ExitCode = !connected ? 3 : findings.some((f) => f.level === 'warn' || f.level === 'bad') ? 1 : 0;
    return {
      json: { findings, ...(fixed ? { fixed } : {}) },
      text: [...(fixed ? [fixed] : []), ...lines].join('\n'),
      exitCode,
    };
  } finally {
    await storage?.close();
    await connected?.connection.close();
  }
}

/** Reconciles now, in this process. */
async function fix({ temporal, storage, taskQueue }: Patient): Promise<string> {
  if (!temporal || !storage) return 'Nothing could be mended: that takes the server and the data folder.';
  const { reconcile } = await import('../../activities/reconcile.js');
  const { repairs, closed, collected } = await reconcile(storage, temporal.client, taskQueue);
  const did = [
    ...(repairs.length > 0 ? [`a repair run stands for ${repairs.join(', ')}`] : []),
    ...(closed.length > 0 ? [`recorded as failed, with nothing to undo: ${closed.join(', ')}`] : []),
    ...(collected > 0
      ? [`removed what nobody needs any more of ${collected} handoff${collected === 1 ? '' : 's'}`]
      : []),
  ];
  return safe(did.length > 0 ? `Mended: ${did.join('; ')}.` : 'There was nothing to mend.');
}

function lineOf(paint: Paint, { check, level, what, mend }: Finding): string {
  const mark = { ok: paint.green('✓'), warn: paint.yellow('!'), bad: paint.red('✗'), skipped: paint.dim('·') }[level];
  return `${mark} ${paint.bold(check)}: ${safe(what)}${mend ? `\n    ${safe(mend)}` : ''}`;
}
