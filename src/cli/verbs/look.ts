import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { HandoffError } from '../../core/errors.js';
import { summaryOf, type HandoffSummary } from '../../client/summary.js';
import { checkedFilter, type HandoffFilter } from '../../core/filter.js';
import type { RunStatus } from '../../client.js';
import { shownStatus, type HandoffOutcome } from '../../core/handoff.js';
import { blockedBecause } from '../../core/words.js';
import { FILTER_OPTIONS, filterOf, routeOf, type FilterOptions } from '../filter-options.js';
import { commandLines, nextCommands, withoutButtons } from '../text/next.js';
import { number } from '../number.js';
import { exitCodeFor, outcomeText } from '../text/outcome-text.js';
import { existingStorage, storageIfThere, uiLink, withPlace, withPlaceOrRecords, type PlaceOptions } from '../place.js';
import type { Answer, Io } from '../io.js';
import type { Storage } from '../../storage/storage.js';
import { picture, effectsTable } from '../text/picture.js';
import { ago, columns, plain, safe, table } from '../text/text.js';
import { verb } from '../verb.js';
import { COMPLETED } from './run.js';
import { repairWorkflowIdOf, workflowIdOf } from '../../core/ids.js';

export function lookVerbs(program: Command): void {
  verb(
    program,
    'status <id>',
    {
      summary: 'what a handoff is doing, and what it waits for',
      examples: ['status ho_1'],
      needs: ['folder', 'server'],
    },
    ({ args: [id = ''], options, io }) =>
      withPlaceOrRecords(
        options,
        io,
        async ({ client }) => statusShown(io, await client.status(id)),
        async (storage) => {
          const status = await recordOf(storage, id);
          return status && statusShown(io, status, true);
        },
      ),
  );
  verb<{ timeout?: number }>(
    program,
    'result <id>',
    {
      summary: 'wait for the end of a handoff and say what came of it',
      examples: ['result ho_1 --timeout 60'],
      exitCodes: COMPLETED,
      options: [['--timeout <seconds>', 'wait no longer (default: as long as it takes)', number(0)]],
      needs: ['folder', 'server'],
      exits: true,
    },
    ({ args: [id = ''], options, io }) =>
      withPlace(options, async ({ client }) => {
        const outcome = await within(client.result(id), options.timeout, id);
        return { json: outcome, text: outcomeText(io.paint, outcome), exitCode: exitCodeFor(outcome) };
      }),
  );
  verb<FilterOptions & { limit?: number }>(
    program,
    'list',
    {
      summary: 'handoffs, newest first',
      details:
        'Handoffs, newest first. STATUS is what is shown: a paused one is paused, whatever it did before, and so is one\nwith an incident; --status means the same. One that is also late is past the end that its contract expected.',
      examples: ['list --open', 'list --session blog --status failed', 'list --blocked "waits for acceptance"'],
      options: [...FILTER_OPTIONS, ['--limit <n>', 'at most so many (default: 100)', number(1, { whole: true })]],
      needs: ['folder', 'server'],
    },
    async ({ options, io }) => {
      const { limit } = options;
      const found = await listed(options, { ...filterOf(options), ...(limit === undefined ? {} : { limit }) });
      const shown = COLUMNS.filter(({ from }) => columns() >= from);
      const rows = found.map((h) => shown.map(({ of }) => of(h)));
      const head = shown.map((c) => c.head);
      const json = found.map(({ subject: _, ...h }) => ({ ...h, route: routeOf(h) }));
      return { json, text: table(io.paint, head, rows, noneText(options)) };
    },
  );
  verb<{ markdown?: boolean }>(
    program,
    'show <id>',
    {
      summary: 'the whole picture: steps, acceptance, pause, incidents, effects, artifacts, validations',
      examples: ['show ho_1', 'show ho_1 --markdown'],
      options: [['--markdown', 'the document that it carries, as Markdown; with --json the document itself']],
      needs: ['folder', 'server'],
    },
    ({ args: [id = ''], options, io }) =>
      withPlaceOrRecords(
        options,
        io,
        async ({ client, storage, uiUrl }) => {
          if (options.markdown) {
            const { AgentHandoffCoordinator } = await import('../../coordination/agent-handoff-coordinator.js');
            const document = await client.document(id);
            return { json: document, text: AgentHandoffCoordinator.toMarkdown(document) };
          }
          return pictured(io, await client.status(id), storage, uiUrl);
        },
        async (storage) => {
          const status = options.markdown ? undefined : await recordOf(storage, id);
          return status && pictured(io, status, storage);
        },
      ),
  );
  verb(
    program,
    'effects <id>',
    {
      summary: 'the ledger of what a handoff changed, oldest first',
      examples: ['effects ho_1'],
      needs: ['folder'],
    },
    async ({ args: [id = ''], options, io }) => {
      const { checkedId } = await import('../../client/runs.js');
      checkedId(id);
      const storage = await existingStorage(options);
      try {
        const effects = await storage.ledger.list(id);
        if (effects.length === 0 && !(await storage.handoffs.find(id))) {
          throw new HandoffError('HANDOFF_NOT_FOUND', { handoff: id });
        }
        return { json: effects, text: effectsTable(io.paint, effects) };
      } finally {
        await storage.close();
      }
    },
  );
}

async function recordOf(storage: Storage, id: string): Promise<RunStatus | undefined> {
  const { checkedId, storedStatus } = await import('../../client/runs.js');
  return storedStatus(storage, checkedId(id));
}

function statusShown(io: Io, status: RunStatus, isLast = false): Answer {
  const source = status.from === 'storage' && !isLast ? '\n(No worker answers; this is the last record.)' : '';
  const { handoffId, state, subject, words } = status;
  const next = state ? nextCommands(handoffId, state, subject) : [];
  const said = words === undefined ? recordedWords(status) : plain(withoutButtons(words));
  const text = [said, ...(next.length > 0 ? [commandLines(io.paint, next)] : [])].join('\n\n');
  return { json: status, text: `${text}${source}` };
}

/** Of a record, which has no words of its own. */
function recordedWords({ state, status }: RunStatus): string {
  if (!state) return status;
  const blocked = blockedBecause(state);
  return `${shownStatus(state)}${blocked === undefined ? '' : `: ${safe(blocked)}`}`;
}

async function pictured(io: Io, status: RunStatus, storage: Storage | undefined, uiUrl?: string): Promise<Answer> {
  const { handoffId: id } = status;
  const effects = (await storage?.ledger.list(id)) ?? [];
  const validations = (await storage?.validations.list(id)) ?? [];
  const artifacts = (await storage?.manifest.list({ handoff: id })) ?? [];
  const outcome = (await storage?.handoffs.find(id))?.outcome;
  const link =
    uiUrl === undefined ? undefined : uiLink(uiUrl, isRepaired(status) ? repairWorkflowIdOf(id) : workflowIdOf(id));
  const whole = { ...status, outcome, effects, validations, artifacts, link };
  return { json: whole, text: picture(io.paint, whole) };
}

/** What `list` shows, from so many columns of the terminal on: an id that was shortened could not be copied. */
const COLUMNS: { head: string; from: number; of: (h: HandoffSummary) => string | undefined }[] = [
  { head: 'ID', from: 0, of: (h) => h.handoffId },
  { head: 'STATUS', from: 0, of: (h) => (h.late ? `${h.shown}, late` : h.shown) },
  { head: 'STARTED', from: 80, of: (h) => ago(h.createdAt) },
  { head: 'FROM → TO', from: 120, of: routeOf },
  { head: 'PROCEDURE', from: 150, of: (h) => h.procedure },
  { head: 'BLOCKED', from: 0, of: (h) => h.blocked },
];

/** Who looks in a wrong folder sees which one it was. */
const noneText = ({ folder }: PlaceOptions): string =>
  existsSync(folder) ? `No handoffs found in ${path.resolve(folder)}.` : 'No handoffs.';

/** Whether a run of its own repairs it, because its first one was terminated: that one takes the updates. */
const isRepaired = ({ state }: RunStatus): boolean => state?.ending?.code === 'HANDOFF_TERMINATED';

/** From the folder where there is one, so that no server need run; else from Temporal. */
async function listed(options: PlaceOptions, filter: HandoffFilter): Promise<HandoffSummary[]> {
  checkedFilter(filter);
  const storage = await storageIfThere(options);
  if (!storage) return withPlace(options, ({ client }) => client.list(filter));
  try {
    return (await storage.handoffs.list(filter)).map(summaryOf);
  } finally {
    await storage.close();
  }
}

async function within(
  result: Promise<HandoffOutcome>,
  seconds: number | undefined,
  id: string,
): Promise<HandoffOutcome> {
  if (seconds === undefined) return result;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const what = `The result of ${id}`;
    const next = `It may still be open: \`handoff status ${id}\` says what it waits for.`;
    timer = setTimeout(() => reject(new HandoffError('DEADLINE_EXCEEDED', { what, seconds, next })), seconds * 1000);
  });
  // The connection is closed under it when we give up.
  result.catch(() => {});
  return Promise.race([result, late]).finally(() => clearTimeout(timer));
}
