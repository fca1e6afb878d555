import type { Command } from 'commander';
import type { OpenIncident } from '../../client/incidents.js';
import { checkedFilter, type HandoffFilter } from '../../core/filter.js';
import { repairsOf } from '../../core/repairs.js';
import { FILTER_OPTIONS, filterOf, routeOf, type FilterOptions } from '../filter-options.js';
import type { Io } from '../io.js';
import { causeLines, repairCommand } from '../text/next.js';
import { titleOf, undoText } from '../text/outcome-text.js';
import { uiLink, withPlaceOrRecords, type PlaceOptions } from '../place.js';
import { ago, safe, type Paint } from '../text/text.js';
import { verb } from '../verb.js';

/** What is always an incident and always open needs no option. */
const OPTIONS = FILTER_OPTIONS.filter(([flags]) => !/^--(open|status)\b/.test(flags));

export function incidentsVerb(program: Command): void {
  verb<FilterOptions>(
    program,
    'incidents',
    {
      summary: 'what waits for a person, over all handoffs, and what to do about it',
      details:
        'All open incidents, oldest first: what failed and why, since when, and the commands that end it.\nWithout a server it shows the last records.',
      examples: ['incidents', 'incidents --session blog', 'incidents --procedure DESIGN_REVIEW_HANDOFF --json'],
      options: OPTIONS,
      needs: ['folder', 'server'],
      exits: true,
    },
    async ({ options, io }) => {
      const { list, uiUrl } = await found(options, checkedFilter(filterOf(options)), io);
      const shown = list.map((i) => ({
        ...i,
        handoff: { ...i.handoff, subject: undefined },
        commands: repairsOf(i.incident).map((repair) => repairCommand(i.handoffId, i.incident, repair)),
        ...(uiUrl === undefined ? {} : { link: uiLink(uiUrl, i.workflowId) }),
      }));
      const blocks = shown.map((i) => block(io.paint, i, i.link));
      const count = list.length === 1 ? '1 open incident' : `${list.length} open incidents`;
      return { json: shown, text: list.length === 0 ? 'No open incidents.' : [...blocks, `${count}.`].join('\n\n') };
    },
  );
}

const found = (
  options: PlaceOptions,
  filter: HandoffFilter,
  io: Io,
): Promise<{ list: OpenIncident[]; uiUrl?: string | undefined }> =>
  withPlaceOrRecords(
    options,
    io,
    async ({ client, uiUrl }) => ({ list: await client.incidents(filter), uiUrl }),
    async (storage) => {
      const { storedIncidents } = await import('../../client/incidents.js');
      return { list: await storedIncidents(storage, filter) };
    },
  );

/** A block rather than a row: it stays readable on a narrow terminal. */
function block(paint: Paint, i: OpenIncident, link: string | undefined): string {
  const { incident, handoff } = i;
  const repairs = repairsOf(incident).map(
    (r) => `  ${paint.bold(safe(repairCommand(i.handoffId, incident, r)))}\n    ${paint.dim(r.means)}`,
  );
  return [
    `${paint.yellow('!')} ${paint.bold(safe(i.handoffId))} ${incident.id}: ${safe(whereOf(i))}${i.from === 'visibility' ? '' : ` — ${ago(incident.at)}`}`,
    ...causeLines(incident).map((line) => safe(`  ${line}`)),
    safe(`  ${routeOf(handoff)}, session ${handoff.session ?? '?'}, ${handoff.procedure}`),
    ...(i.from === 'storage' ? [paint.dim('  No worker answers; this is the last record.')] : []),
    ...repairs,
    ...(link ? [`  ${link}`] : []),
  ].join('\n');
}

/** What failed, in words. */
function whereOf({ incident }: OpenIncident): string {
  const { kind, step } = incident;
  switch (kind) {
    case 'step':
      return `step ${titleOf(step ?? '')}`;
    case 'undo':
      return undoText(incident);
    case 'return':
      return `return of ${(incident.returns ?? []).join(', ')}`;
    case 'lease':
      return 'the acceptance';
    case 'terminated':
      return 'the run was terminated';
  }
}
