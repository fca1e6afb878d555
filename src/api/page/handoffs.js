import { html } from './dom.js';
import { get } from './api.js';
import { useData } from './live.js';
import { Filters } from './filters.js';
import { to, useTitle } from './route.js';
import { Ago, Badge, Heading, Said, Shown, Table } from './ui.js';

/** @typedef {import('../../client/summary.js').HandoffSummary} HandoffSummary */

/** @param {{ agent?: string, phase?: string | number } | undefined} party */
const partyOf = (party) => party?.agent ?? (party?.phase === undefined ? '?' : `phase ${party.phase}`);

/** @param {{ handoffs: HandoffSummary[], empty: unknown }} props */
export function InFlight({ handoffs, empty }) {
  const rows = handoffs.map((h) => ({
    key: h.handoffId,
    cells: [
      html`<a href=${to('handoffs', h.handoffId)}>${h.handoffId}</a>`,
      html`<${Badge} of=${h.shown ?? h.status} />`,
      html`<${Said}
          inline
          text=${h.blocked ?? (h.closedAt === undefined ? 'it moves' : 'closed')}
        />${h.late ? html` <strong class="late">late: ${h.late.what}</strong>` : null}`,
      `${partyOf(h.source)} → ${partyOf(h.target)}`,
      html`<${Ago} at=${h.since ?? h.createdAt} bare />`,
      h.expiresAt === undefined ? '–' : html`<${Ago} at=${h.expiresAt} />`,
    ],
  }));
  return html`<${Table}
    caption="Handoffs"
    head=${['Handoff', 'Status', 'Why', 'From → to', 'Since', 'Expires']}
    rows=${rows}
    empty=${empty}
  />`;
}

const STATUSES = [
  'incident',
  'paused',
  'draining',
  'pending',
  'running',
  'awaiting_acceptance',
  'accepted',
  'compensating',
].concat(['completed', 'rejected', 'expired', 'cancelled', 'failed']);

/** @param {{ query: Record<string, string> }} props */
export function HandoffsPage({ query }) {
  useTitle('Handoffs');
  const { all, ...filter } = query;
  const asked = { ...filter, ...(all || filter['status'] ? {} : { open: 'true' }), limit: 200 };
  const from = useData((signal) => get('/handoffs', asked, signal), [JSON.stringify(asked)]);
  return html`<${Heading}>Handoffs<//>
    <${Filters}
      query=${query}
      fields=${[
        { name: 'status', label: 'Status', kind: 'select', options: STATUSES },
        { name: 'session', label: 'Session' },
        { name: 'procedure', label: 'Procedure' },
        { name: 'source', label: 'From' },
        { name: 'target', label: 'To' },
        { name: 'all', label: 'Closed ones too', kind: 'check' },
      ]}
    />
    <${Shown} from=${from}
      >${(/** @type {{ handoffs?: HandoffSummary[] }} */ data) => html`
        <${InFlight}
          handoffs=${data.handoffs ?? []}
          empty=${Object.keys(query).length > 0 ? 'No handoff fits. Take a filter away.' : html`No handoff is open. <code>handoff run FILE</code> or <code>POST /handoffs</code> starts one.`}
        />
      `}<//
    >`;
}
