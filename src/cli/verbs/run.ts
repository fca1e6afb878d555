import type { Command } from 'commander';
import type { Started } from '../../client/start.js';
import type { HandoffOutcome } from '../../core/handoff.js';
import type { HandoffRequest } from '../../core/request.js';
import { follow } from '../follow.js';
import type { Answer, Io } from '../io.js';
import { Stopped, withLifetime } from '../lifetime.js';
import { commandLines, quoted, type Command as Next } from '../text/next.js';
import { exitCodeFor, outcomeText } from '../text/outcome-text.js';
import { uiLink, withPlace, type Place } from '../place.js';
import { REQUEST_OPTIONS, readRequest, type RequestOptions } from '../request.js';
import { safe, took } from '../text/text.js';
import { verb } from '../verb.js';

const ABOUT = `The request, or the document of an agent handoff, is a JSON or YAML file, "-" for stdin. The paths of artifacts
start from the first source folder of the worker (--source of \`dev\` and \`worker\`).`;

/** What a verb that waits for a handoff's end says by its exit code. */
export const COMPLETED = { ok: 'completed', failed: 'otherwise' };

export function runVerbs(program: Command): void {
  verb<RequestOptions>(
    program,
    'run <file>',
    {
      summary: 'start a handoff and follow it to its end',
      details: `Starts a handoff and follows it to its end.\nCtrl-C stops the following, not the handoff.\n${ABOUT}`,
      examples: ['run examples/01-phase-transition.json', 'run - < examples/02-agent-handoff.yaml'],
      exitCodes: COMPLETED,
      options: REQUEST_OPTIONS,
      needs: ['folder', 'schemas', 'server'],
      exits: true,
    },
    async ({ args: [file = ''], options, io }) => {
      const { request, where } = await readRequest(file, options);
      return withPlace(where, (place) => runAndFollow(place, request, io, file), { needsFolder: true });
    },
  );
  verb<RequestOptions>(
    program,
    'start <file>',
    {
      summary: 'start a handoff and return at once',
      details: `Starts a handoff and returns at once.\n${ABOUT}`,
      examples: ['start examples/02-agent-handoff.yaml --id ho_008_to_013'],
      options: REQUEST_OPTIONS,
      needs: ['folder', 'schemas', 'server'],
    },
    async ({ args: [file = ''], options, io }) => {
      const { request, where } = await readRequest(file, options);
      return withPlace(
        where,
        async ({ client, uiUrl }) => {
          const started = await client.start(request);
          warn(io, started);
          const link = linkOf(uiUrl, started);
          const text = `${startedText(started, link)}\nFollow it: handoff result ${started.handoffId}`;
          return { json: { ...started, link }, text };
        },
        { needsFolder: true },
      );
    },
  );
}

const linkOf = (uiUrl: string | undefined, { workflowId }: Started): string | undefined =>
  uiUrl === undefined ? undefined : uiLink(uiUrl, workflowId);

const startedText = ({ handoffId, existing }: Started, link: string | undefined): string =>
  safe(`${existing ? 'Was started before' : 'Started'}: ${handoffId}${link ? `\n${link}` : ''}`);

/** What an agent would have to ask stops nothing. */
function warn(io: Io, { warnings = [] }: Started): void {
  for (const { path, message } of warnings) io.note(safe(`warning ${path}: ${message}`));
}

/** Of one that failed by itself: where it says why, and how it is tried again. An id is used once. */
function afterFailure({ outcome, by, handoffId }: HandoffOutcome, request: HandoffRequest, file: string): Next[] {
  if (outcome !== 'failed' || by !== 'handoff') return [];
  const again = `handoff run ${quoted(file)}${request.handoffId === undefined ? '' : ' --id <new id>'}`;
  return [
    { command: `handoff show ${handoffId}`, means: 'what each step did, and what each rule found' },
    { command: again, means: 'again, once what it names is mended' },
  ];
}

async function runAndFollow({ client, uiUrl }: Place, request: HandoffRequest, io: Io, file: string): Promise<Answer> {
  const since = Date.now();
  const started = await client.start(request);
  const { handoffId } = started;
  io.say(startedText(started, linkOf(uiUrl, started)));
  warn(io, started);
  return withLifetime(async ({ signal }) => {
    try {
      const outcome = await follow(client, handoffId, { paint: io.paint, say: io.say, signal });
      const [end = '', ...more] = outcomeText(io.paint, outcome).split('\n');
      const warnings = more.filter((line) => line.startsWith('  ! '));
      const next = afterFailure(outcome, request, file);
      const hints = next.length > 0 ? ['', commandLines(io.paint, next)] : [];
      const text = [`${end} (${took(Date.now() - since)})`, ...warnings, ...hints].join('\n');
      return { json: outcome, text, exitCode: exitCodeFor(outcome) };
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      io.note(`Stopped following. The handoff goes on; follow it again: handoff result ${handoffId}`);
      const { status } = await client.status(handoffId);
      return { json: { handoffId, status, stoppedFollowing: true }, text: '', exitCode: 1 };
    }
  });
}
