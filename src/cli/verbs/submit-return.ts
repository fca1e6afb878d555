import type { Command } from 'commander';
import type { ArtifactSpec } from '../../core/request.js';
import type { SubmitReturnAnswer } from '../../messages.js';
import { UsageError } from '../failure.js';
import { number } from '../number.js';
import { userName, withPlace } from '../place.js';
import { safe, type Paint } from '../text/text.js';
import { many, must, verb } from '../verb.js';

interface Options {
  by?: string;
  epoch: number;
  artifact?: string[];
  file?: string;
  updateId?: string;
}

export function submitReturnVerb(program: Command): void {
  verb<Options>(
    program,
    'submit-return <id>',
    {
      summary: 'hand in what the contract of an accepted handoff expects back',
      details:
        'Hands in what the contract expects back: all that is named, or none of it. Paths are relative to the first source folder of the workers, as in a request. What has faults is not taken; each fault is named with its place, and it can be sent again while rounds are left.',
      examples: [
        'submit-return ho_1 --by @tester --epoch 1 --artifact tests=out/tests',
        'submit-return ho_1 --epoch 1 --file - --json',
      ],
      exitCodes: { ok: 'taken', failed: 'it has faults' },
      options: [
        ['--by <name>', 'who says so (default: your user name)'],
        ['--epoch <n>', 'the epoch that accept returned', (o) => must(number(1, { whole: true })(o))],
        ['--artifact <name=path>', 'what comes back, and where it is (repeatable)', many],
        ['--file <file>', 'JSON or YAML: a list of {"name", "path", "sha256"}; - is stdin'],
        ['--update-id <id>', 'sent again under the same id, it takes effect once'],
      ],
      needs: ['folder', 'server'],
    },
    async ({ args: [id = ''], options, io }) => {
      const { by = userName(), epoch, updateId } = options;
      const artifacts = await artifactsOf(options);
      return withPlace(options, async ({ client }) => {
        const under = updateId === undefined ? {} : { updateId };
        const answer = await client.submitReturn(id, { by, epoch, artifacts }, under);
        const names = artifacts.map((a) => a.name);
        const text = answerText(io.paint, id, names, answer, { by, epoch });
        return { json: { handoffId: id, ...answer }, text, exitCode: answer.accepted ? 0 : 1 };
      });
    },
  );
}

async function artifactsOf({ artifact = [], file }: Options): Promise<ArtifactSpec[]> {
  const named = artifact.map((text): ArtifactSpec => {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) throw new UsageError(`--artifact ${text}: write it as NAME=PATH.`);
    return { name: text.slice(0, at), path: text.slice(at + 1) };
  });
  const listed = file === undefined ? [] : listOf(await (await import('../input.js')).readDocument(file), file);
  if (named.length + listed.length === 0)
    throw new UsageError('Name what comes back: --artifact NAME=PATH, or a list of them with --file.');
  return [...listed, ...named];
}

function listOf(value: unknown, file: string): ArtifactSpec[] {
  const list = Array.isArray(value) ? (value as unknown) : (value as { artifacts?: unknown } | null)?.artifacts;
  if (!Array.isArray(list))
    throw new UsageError(`${file}: a list of {"name", "path"} is expected, or {"artifacts": […]}.`);
  return list as ArtifactSpec[];
}

function answerText(
  paint: Paint,
  id: string,
  names: readonly string[],
  { accepted, outstanding, faults, roundsLeft }: SubmitReturnAnswer,
  { by, epoch }: { by: string; epoch: number },
): string {
  const out =
    outstanding.length > 0 ? `Still out: ${outstanding.join(', ')}.` : 'All that was expected has come or is settled.';
  if (accepted) {
    const next =
      outstanding.length > 0 ? [] : [`If the handoff was accepted: handoff complete ${id} --by ${by} --epoch ${epoch}`];
    return [paint.green('✓') + safe(` ${id} has received ${names.join(', ')}. ${out}`), ...next.map(safe)].join('\n');
  }
  const rounds =
    roundsLeft > 0
      ? `It can be sent again ${roundsLeft} ${roundsLeft === 1 ? 'time' : 'times'}.`
      : `A person decides now: handoff show ${id}`;
  return [
    paint.red('✗') + safe(` ${id} has taken nothing of ${names.join(', ')}. ${rounds}`),
    ...faults.map((f) =>
      safe(`  ${f.artifact} ${f.pointer || '/'} ${f.code}: expected ${f.expected}, found ${f.found}`),
    ),
    safe(out),
  ].join('\n');
}
