import { html, useEffect } from './dom.js';
import { call, get, problemOf } from './api.js';
import { IncidentCard } from './incidents.js';
import { InFlight } from './handoffs.js';
import { useData } from './live.js';
import { to, useTitle } from './route.js';
import { Ago, Empty, Fault, Heading, Said, Shown, Table } from './ui.js';
import { counted } from './words.js';

/** @typedef {{ subject: string, words: string, whom: string[], since: string | number }} Waits */

/** Whether one of those it waits for is this one. @param {import('./main.js').Session} session @returns {(w: Waits) => boolean} */
const forMe = (session) => (w) =>
  w.whom.some((whom) => {
    const name = whom.replace(/^(agent|role):/, '');
    return name === session.agent || session.roles.includes(name);
  });

/** What is about an incident has a card of its own. @param {Waits} w @param {{ handoffId: string }[]} incidents */
const isIncident = (w, incidents) =>
  /^(has an open )?incident\b/.test(w.words) && incidents.some((i) => w.subject === `handoff/${i.handoffId}`);

/** @param {import('./main.js').Session} session @param {AbortSignal} signal */
export async function waitingCount(session, signal) {
  const { mine, incidents } = await look(session, signal);
  return mine.length + incidents.length;
}

/** @type {{ agent: string, at: number, found: ReturnType<typeof lookNow> } | undefined} */
let last;
/** The header and the page ask the same in the same moment. @param {import('./main.js').Session} session @param {AbortSignal} [_signal] */
function look(session, _signal) {
  if (!last || last.agent !== session.agent || Date.now() - last.at > 200) {
    last = { agent: session.agent, at: Date.now(), found: lookNow(session) };
  }
  return last.found;
}

/** @param {import('./main.js').Session} session */
async function lookNow(session) {
  const asked = await Promise.allSettled([
    get('/waiting'),
    get('/dashboard'),
    get('/incidents'),
    get('/handoffs', { open: true, limit: 50 }),
  ]);
  const failed = asked.flatMap((a) => (a.status === 'rejected' ? [a.reason] : []));
  // One that does not answer must not hide the others; where none does, nothing is known.
  if (failed.length === asked.length) throw failed[0];
  const [waiting, board, incidents, flight] = asked.map((a) => (a.status === 'fulfilled' ? a.value : {}));
  /** @type {import('../../client/incidents.js').OpenIncident[]} */
  const open = incidents.incidents ?? [];
  /** @type {Waits[]} */
  const mine = (waiting.waiting ?? []).filter((/** @type {Waits} */ w) => !isIncident(w, open));
  const own = new Set(mine.map((w) => w.subject));
  /** @type {Waits[]} */
  const further = (board.waiting ?? []).filter((/** @type {Waits} */ w) => !isIncident(w, open) && !own.has(w.subject));
  mine.push(...further.filter(forMe(session)));
  const others = further.filter((w) => !forMe(session)(w));
  /** @type {import('../../client/summary.js').HandoffSummary[]} */
  const handoffs = flight.handoffs ?? [];
  return {
    problems: failed.map(problemOf),
    mine,
    others,
    incidents: open,
    handoffs,
    inFlight: Math.max(board.handoffs?.in_flight ?? 0, handoffs.length),
  };
}

/** Where a subject has its page. @param {string} subject */
function linkOf(subject) {
  const [kind, ...rest] = subject.split('/');
  const id = rest.join('/');
  return to(kind === 'report' ? 'reports' : 'handoffs', id);
}

/** @param {string} subject */
const nameOf = (subject) => subject.split('/').slice(1).join('/') || subject;

/** Says that somebody has looked, so that they are told of it no more. @param {string} subject @param {import('./main.js').Session} session */
export function useSeenBy(subject, session) {
  useEffect(() => {
    call('POST', '/waiting/seen', { body: { subject } }).catch(() => undefined);
  }, [subject, session.agent]);
}

/** @param {{ caption: string, of: Waits[], empty: unknown }} props */
function WaitTable({ caption, of, empty }) {
  const rows = of.map((w) => ({
    key: w.subject,
    cells: [
      html`<a href=${linkOf(w.subject)}>${nameOf(w.subject)}</a>`,
      html`<${Said} inline text=${w.words} />`,
      w.whom.map((name) => name.replace(/^(agent|role):/, '')).join(', ') || '–',
      html`<${Ago} at=${w.since} bare />`,
      html`<a class="button" href=${linkOf(w.subject)}
        >Open<span class="visually-hidden"> ${nameOf(w.subject)}</span></a
      >`,
    ],
  }));
  return html`<${Table}
    caption=${caption}
    head=${['What', 'Waits', 'For whom', 'Since', 'Do']}
    rows=${rows}
    empty=${empty}
  />`;
}

/** @param {{ n: number, words: string, href: string, tone: string, sign: string }} props */
const Tile = ({ n, words, href, tone, sign }) =>
  html`<a class="tile ${n > 0 ? tone : 'calm'}" href=${href}
    ><span aria-hidden="true">${n > 0 ? sign : '✓'}</span> <b>${n}</b> ${words}</a
  >`;

/** A link within the page, which leaves the address as it is. @param {string} id */
const jump = (id) => (/** @type {Event} */ event) => {
  event.preventDefault();
  const at = document.getElementById(id);
  at?.scrollIntoView();
  at?.focus({ preventScroll: true });
};

/** What an operator sees at 3 a.m. @param {{ session: import('./main.js').Session }} props */
export function WaitingPage({ session }) {
  useTitle('Waiting');
  const from = useData(() => look(session), [session.agent]);
  return html`<${Heading}>What waits<//>
    <${Shown} from=${from}
      >${({ problems, mine, others, incidents, handoffs, inFlight }) => html`
        ${problems.length > 0 ? html`<p class="stale">A part of what waits could not be asked for, and is not shown.</p>` : null}
        ${problems.map((problem) => html`<${Fault} problem=${problem} />`)}
        <nav class="tiles" aria-label="At a glance">
          ${[
            [
              'incidents',
              incidents.length,
              incidents.length === 1 ? 'incident is open' : 'incidents are open',
              'bad',
              '▲',
            ],
            ['mine', mine.length, mine.length === 1 ? 'waits for you' : 'wait for you', 'wait', '◷'],
            ['others', others.length, others.length === 1 ? 'waits for others' : 'wait for others', 'calm', '○'],
            ['flight', inFlight, 'in flight', 'busy', '▶'],
          ].map(
            ([id, n, words, tone, sign]) =>
              html`<span onClick=${jump(String(id))}
                ><${Tile} href="#/" n=${n} words=${words} tone=${tone} sign=${sign}
              /></span>`,
          )}
        </nav>
        <section aria-labelledby="incidents">
          <h2 id="incidents" tabindex="-1">Incidents</h2>
          ${
            incidents.length === 0
              ? html`<${Empty}>No open incidents: nothing waits for an operator.<//>`
              : incidents.map(
                  (i) =>
                    html`<${IncidentCard}
                      key="${i.handoffId}/${i.incident.id}"
                      handoff=${i.handoffId}
                      incident=${i.incident}
                      session=${session}
                      where=${`${routeOf(i.handoff)}, session ${i.handoff.session ?? '?'}`}
                      stale=${i.from !== 'run'}
                    />`,
                )
          }
        </section>
        <section aria-labelledby="mine">
          <h2 id="mine" tabindex="-1">For you</h2>
          <${WaitTable}
            caption="What waits for you"
            of=${mine}
            empty=${html`Nothing waits for you, ${session.agent}. What is offered to you comes into <a href=${to('inbox')}>your inbox</a>.`}
          />
        </section>
        <section aria-labelledby="others">
          <h2 id="others" tabindex="-1">For others</h2>
          <${WaitTable}
            caption="What waits for others"
            of=${others}
            empty="Nothing that you may see waits for anybody else."
          />
        </section>
        <section aria-labelledby="flight">
          <h2 id="flight" tabindex="-1">In flight</h2>
          <${InFlight}
            handoffs=${handoffs}
            empty=${html`Nothing is in flight. <code>handoff run FILE</code> or <code>POST /handoffs</code> starts a handoff.`}
          />
          ${inFlight > handoffs.length ? html`<p><a href=${to('handoffs')}>All ${counted(inFlight, 'handoff')} in flight</a></p>` : null}
        </section>
      `}<//
    >`;
}

/** @param {import('../../client/summary.js').HandoffSummary} h */
const routeOf = (h) => `${h.source?.agent ?? h.source?.phase ?? '?'} → ${h.target?.agent ?? h.target?.phase ?? '?'}`;
