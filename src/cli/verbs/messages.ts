import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { HandoffClient, UpdateOptions } from '../../client.js';
import { HandoffError } from '../../core/errors.js';
import { LIFE, shownStatus, statusesThatAccept } from '../../core/handoff.js';
import type { ConflictChoice } from '../../messages.js';
import { UsageError } from '../failure.js';
import type { Answer } from '../io.js';
import { number } from '../number.js';
import { userName, withPlace } from '../place.js';
import { safe } from '../text/text.js';
import { must, verb, type Call, type VerbSpec } from '../verb.js';
import { bulkVerb, isBulk } from './bulk.js';

interface Said {
  json: object;
  text: string;
}
type Options = Record<string, string | number | undefined> & { by?: string };

const BY: NonNullable<VerbSpec['options']>[number] = ['--by <name>', 'who says so (default: your user name)'];
const REASON: NonNullable<VerbSpec['options']>[number] = ['--reason <text>', 'why, for the record', must];

const UPDATE_ID: NonNullable<VerbSpec['options']>[number] = [
  '--update-id <id>',
  'sent again under the same id, it takes effect once',
];
const under = ({ updateId }: Options): UpdateOptions => (updateId === undefined ? {} : { updateId: String(updateId) });

/** A verb that sends one message to one handoff. */
function message(
  program: Command,
  name: string,
  spec: Omit<VerbSpec, 'needs'>,
  send: (client: HandoffClient, id: string, by: string, options: Options) => Promise<Said>,
): void {
  const options = [BY, ...(spec.options ?? [])];
  const whole: VerbSpec = { ...spec, options, needs: ['folder', 'server'] };
  const one = ({ args: [id = ''], options: o }: Call<Options>): Promise<Answer> =>
    withPlace(o, async ({ client }) => {
      const { json, text } = await send(client, id, o.by ?? userName(), o);
      return { json: { handoffId: id, ...json }, text: safe(text) };
    });
  if (isBulk(name)) bulkVerb(program, name, whole, one);
  else verb<Options>(program, `${name} <id>`, whole, one);
}

export function messageVerbs(program: Command): void {
  message(
    program,
    'pause',
    {
      summary: 'pause a handoff at its next step boundary; its clock stops',
      details:
        'Pauses a handoff at its next step boundary; its clock stops. Of one that is named it says within 3 s whether it has heard it; where no worker answers, it hears it later',
      examples: ['pause ho_1 --reason "waiting for legal" --until 2026-01-13T11:30:00Z'],
      options: [REASON, ['--until <date>', 'resume by itself then (ISO 8601)']],
    },
    async (client, id, by, { reason, until }) => {
      await client.pause(id, { by, reason: String(reason), ...(until === undefined ? {} : { until: String(until) }) });
      const now = await heard(client, id);
      const text = {
        paused: `${id} is paused. It goes on by: handoff resume ${id}`,
        draining: `${id} is being paused: a step at work still ends. It goes on by: handoff resume ${id}`,
        going_on: `${id} has heard it, and is not paused any more. What it does: handoff status ${id}`,
        not_heard: `Asked ${id} to pause, but it has not heard it yet: no worker has answered. It pauses when one does: handoff status ${id}`,
      }[now];
      return { json: { asked: 'pause', now }, text };
    },
  );
  message(
    program,
    'resume',
    {
      summary: 'let a paused handoff go on',
      examples: ['resume ho_1 --note "legal agreed"'],
      options: [['--note <text>', 'for the record']],
    },
    async (client, id, by, { note }) => {
      await client.resume(id, { by, ...(note === undefined ? {} : { note: String(note) }) });
      return { json: { asked: 'resume' }, text: `Asked ${id} to go on.` };
    },
  );
  message(
    program,
    'cancel',
    {
      summary: 'undo what a handoff did and close it as cancelled',
      examples: ['cancel ho_1 --reason "no longer needed"'],
      options: [REASON],
    },
    async (client, id, by, { reason }) => {
      await client.cancel(id, { by, reason: String(reason) });
      return {
        json: { asked: 'cancel' },
        text: `Asked ${id} to undo and close. What came of it: handoff result ${id}`,
      };
    },
  );
  message(
    program,
    'accept',
    {
      summary: 'take an offered handoff as its target',
      details: 'Takes an offered handoff. The answer names the epoch that completing it needs.',
      examples: ['accept ho_1 --by @nodejs-specialist --lease-minutes 30'],
      options: [['--lease-minutes <n>', 'offer it again unless completed by then', number(0)], UPDATE_ID],
    },
    async (client, id, by, { leaseMinutes, ...o }) => {
      const lease = leaseMinutes === undefined ? {} : { leaseMinutes: Number(leaseMinutes) };
      const { epoch } = await client.accept(id, { by, ...lease }, under(o));
      const next = `handoff complete ${id} --by ${by} --epoch ${epoch}`;
      // Who stands in for another may; a slip of the pen in --by must not go unseen.
      const { subject, state } = await client.status(id).catch(() => ({ subject: undefined, state: undefined }));
      const target = subject?.target.agent;
      const instead = target === undefined || target === by ? '' : `, though it was offered to ${target}`;
      const { operator, parent } = state?.holds ?? {};
      const hold = operator ?? parent;
      const goesOn = operator ? `after: handoff resume ${id}` : 'when what started it is resumed';
      const still = hold ? ` It is paused by ${hold.by} (${hold.reason}), and goes on ${goesOn}.` : '';
      const text = `${by} has ${id} now (epoch ${epoch})${instead}.${still} When the work is done: ${next}`;
      return { json: { by, epoch, ...(hold ? { paused: { by: hold.by, reason: hold.reason } } : {}) }, text };
    },
  );
  message(
    program,
    'reject',
    {
      summary: 'refuse an offered handoff; all it did is undone',
      examples: ['reject ho_1 --by @nodejs-specialist --reason "modules are missing"'],
      options: [REASON, UPDATE_ID],
    },
    async (client, id, by, { reason, ...o }) => {
      const { status } = await client.reject(id, { by, reason: String(reason) }, under(o));
      return {
        json: { status },
        text: `${id} is rejected; what it did is being undone. What came of it: handoff result ${id}`,
      };
    },
  );
  message(
    program,
    'complete',
    {
      summary: 'say that the work of an accepted handoff is done',
      examples: ['complete ho_1 --by @nodejs-specialist --epoch 1'],
      options: [
        ['--epoch <n>', 'the epoch that accept returned', (o) => must(number(1, { whole: true })(o))],
        ['--note <text>', 'for the record'],
        UPDATE_ID,
      ],
    },
    async (client, id, by, { epoch, note, ...o }) => {
      const more = note === undefined ? {} : { note: String(note) };
      const { status } = await client.complete(id, { by, epoch: Number(epoch), ...more }, under(o));
      return { json: { status }, text: `The work of ${id} is done.` };
    },
  );
  message(
    program,
    'extend',
    {
      summary: 'move the expiry of an open handoff',
      examples: ['extend ho_1 --minutes 60'],
      options: [['--minutes <n>', 'by so many minutes', (o) => must(number(0)(o))], UPDATE_ID],
    },
    async (client, id, by, { minutes, ...o }) => {
      const { expiresAt } = await client.extend(id, { by, minutes: Number(minutes) }, under(o));
      return { json: { expiresAt }, text: `${id} now expires at ${expiresAt}.` };
    },
  );
  repairVerbs(program);
}

/** How long a pause is looked for: a person waits for the answer. */
const LOOK_MS = 3000;

/**
 * What became of a pause that was sent. Only the run itself knows: a signal that comes too late is swallowed without a
 * word. Throws WRONG_STATE where it has ended, or is being undone.
 */
async function heard(client: HandoffClient, id: string): Promise<'paused' | 'draining' | 'going_on' | 'not_heard'> {
  // Nobody may answer; then the question ends with this process.
  const late = sleep(LOOK_MS);
  const found = await Promise.race([client.status(id).catch(() => undefined), late]);
  if (found?.from !== 'run' || !found.state) return 'not_heard';
  const { state } = found;
  if (!LIFE[state.status].accepts.includes('pause')) {
    const allowed = statusesThatAccept('pause').join(', ');
    const why = 'The pause came too late.';
    throw new HandoffError('WRONG_STATE', { handoff: id, status: state.status, message: 'pause', allowed, why });
  }
  if (!state.holds.operator) return 'going_on';
  return shownStatus(state) === 'draining' ? 'draining' : 'paused';
}

const INCIDENT: NonNullable<VerbSpec['options']>[number] = ['--incident <id>', 'which one, if several are open'];

function repairVerbs(program: Command): void {
  message(
    program,
    'retry',
    {
      summary: 'try again what an incident stands at',
      details: 'Tries again what an incident stands at. What the failed attempts of a step did is undone first.',
      examples: [
        `retry ho_1 --reason "disk has room again"`,
        `retry ho_1 --reason "smaller" --input '{"what":["artifacts"]}'`,
      ],
      options: [REASON, INCIDENT, ['--input <json>', "an object laid over the step's parameters"], UPDATE_ID],
    },
    async (client, id, by, { reason, incident, input, ...o }) => {
      const incidentId = await incidentOf(client, id, incident);
      const more =
        input === undefined ? {} : { input: (await jsonOf(String(input), '--input')) as Record<string, unknown> };
      await client.retry(id, { by, reason: String(reason), incidentId, ...more }, under(o));
      return { json: { incidentId }, text: `Trying ${incidentId} of ${id} again. Follow it: handoff show ${id}` };
    },
  );
  message(
    program,
    'skip',
    {
      summary: 'go on without the step that an incident stands at',
      details: 'Undoes what the failed step has done so far, and goes on without it.',
      examples: ['skip ho_1 --reason "the report is not needed this time"'],
      options: [REASON, INCIDENT, UPDATE_ID],
    },
    async (client, id, by, { reason, incident, ...o }) => {
      const incidentId = await incidentOf(client, id, incident);
      await client.skip(id, { by, reason: String(reason), incidentId }, under(o));
      return { json: { incidentId }, text: `${id} goes on without that step. Follow it: handoff show ${id}` };
    },
  );
  message(
    program,
    'rollback',
    {
      summary: 'undo a handoff from an incident: wholly, or back to a step',
      details:
        'Undoes the whole handoff, from an incident. With --to-step only that step and all that come after it are undone; an incident then stands there, to be retried or skipped.',
      examples: [
        'rollback ho_1 --reason "not worth another try"',
        'rollback ho_1 --to-step resource_handoff --reason "wrong revision"',
      ],
      options: [REASON, INCIDENT, UPDATE_ID, ['--to-step <step>', 'only this step and what comes after it']],
    },
    async (client, id, by, { reason, incident, toStep, ...o }) => {
      const incidentId = await incidentOf(client, id, incident);
      const part = toStep === undefined ? {} : { toStep: String(toStep) };
      await client.rollback(id, { by, reason: String(reason), incidentId, ...part }, under(o));
      const what = toStep === undefined ? '' : ` back to ${String(toStep)}`;
      return { json: { incidentId, ...part }, text: `${id} is being undone${what}. Follow it: handoff show ${id}` };
    },
  );
  message(
    program,
    'resolve',
    {
      summary: 'end an incident by hand',
      details:
        "Ends an incident by hand. Where an undo met somebody else's change, --choice says what is to be there; without it nothing is touched.",
      examples: ['resolve ho_1 --reason "checked by hand" --choice keep_theirs'],
      options: [
        REASON,
        INCIDENT,
        ['--choice <choice>', 'for an undo conflict', (o) => o.choices(['keep_theirs', 'restore_before', 'merge'])],
        ['--value <json>', 'with --choice merge: what is to be there, as JSON; a text is \'"in quotes"\''],
        UPDATE_ID,
      ],
    },
    async (client, id, by, { reason, incident, choice, value, ...o }) => {
      if (choice === 'merge' && value === undefined)
        throw new UsageError(`--choice merge needs what is to be there: --value '<json>'.`);
      const incidentId = await incidentOf(client, id, incident);
      const more = {
        ...(choice === undefined ? {} : { choice: choice as ConflictChoice }),
        ...(value === undefined ? {} : { value: await jsonOf(String(value), '--value') }),
      };
      await client.resolve(id, { by, reason: String(reason), incidentId, ...more }, under(o));
      return { json: { incidentId }, text: `${incidentId} of ${id} is resolved.` };
    },
  );
}

const jsonOf = async (text: string, option: string): Promise<unknown> =>
  (await import('../../core/json/parse-text.js')).parseText(text, option, 'JSON');

/** The incident that is meant: the named one, or the only one that is open. */
async function incidentOf(client: HandoffClient, id: string, named: unknown): Promise<string> {
  if (typeof named === 'string') return named;
  const { state } = await client.status(id);
  const open = (state?.incidents ?? []).map((i) => i.id);
  if (open.length === 1) return open[0]!;
  if (open.length === 0) throw new HandoffError('INCIDENT_NOT_OPEN', { handoff: id, open: 'none' });
  throw new UsageError(`${id} has ${open.length} open incidents; name one with --incident: ${open.join(', ')}.`);
}
