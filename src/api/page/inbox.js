import { html } from './dom.js';
import { get, seg } from './api.js';
import { Accept, Complete, Reject } from './answers.js';
import { useData } from './live.js';
import { to, useTitle } from './route.js';
import { Ago, Empty, Heading, Said, Shown } from './ui.js';

/** @typedef {import('../../client/inbox.js').InboxItem} InboxItem */
/** @typedef {import('../../client/summary.js').HandoffSummary} HandoffSummary */

/** What was offered to an agent, and what it has accepted. @param {{ agent: string, session: import('./main.js').Session }} props */
export function InboxPage({ agent, session }) {
  useTitle('Inbox');
  const from = useData(
    async (signal) => {
      const [inbox, accepted] = await Promise.all([
        get(`/inbox/${seg(agent)}`, {}, signal),
        get('/handoffs', { status: 'accepted', target: agent, limit: 200 }, signal),
      ]);
      return {
        offered: /** @type {InboxItem[]} */ (inbox.inbox),
        held: /** @type {HandoffSummary[]} */ (accepted.handoffs),
      };
    },
    [agent],
  );
  const own = agent === session.agent;
  return html`<${Heading}>Inbox of ${agent}<//>
    <${Shown} from=${from}
      >${({ offered, held }) => html`
        <section aria-label="Offered">
          <h2>Offered</h2>
          ${
            offered.length === 0
              ? html`<${Empty}
                  >Nothing is offered. A handoff whose target is ${agent} comes here when it is to be accepted.<//
                >`
              : offered.map(
                  (item) =>
                    html`<${Offer} key=${item.handoffId} item=${item} own=${own || session.roles.includes('admin')} />`,
                )
          }
        </section>
        <section aria-label="Accepted">
          <h2>Accepted, and not completed yet</h2>
          ${
            held.length === 0
              ? html`<${Empty}>Nothing. What is accepted stays here until it is completed.<//>`
              : held.map(
                  (h) =>
                    html`<article class="card" key=${h.handoffId} aria-label="Accepted ${h.handoffId}">
                      <h3><a href=${to('handoffs', h.handoffId)}>${h.handoffId}</a></h3>
                      <p class="meta">
                        <span>from ${h.source?.agent ?? h.source?.phase}</span>
                        <span>since <${Ago} at=${h.since} bare /></span>
                      </p>
                      ${h.blocked ? html`<p>${h.blocked}</p>` : null}
                      <p class="buttons"><${Complete} id=${h.handoffId} /></p>
                    </article>`,
                )
          }
        </section>
      `}<//
    >`;
}

/** @param {{ item: InboxItem, own: boolean }} props */
function Offer({ item, own }) {
  const { handoffId, priority, source, procedure, task, offeredAt, expiresAt, epoch, paused, incident } = item;
  return html`<article class="card wait" aria-label="Offer ${handoffId}">
    <h3><a href=${to('handoffs', handoffId)}>${handoffId}</a> <small>${priority}</small></h3>
    ${task ? html`<${Said} text=${task} />` : null}
    <p class="meta">
      <span>from ${source.agent ?? source.phase}</span> <span>${procedure}</span>
      <span>offered <${Ago} at=${offeredAt} /></span>
      ${expiresAt === undefined ? null : html`<span>expires <${Ago} at=${expiresAt} /></span>`}
      ${epoch > 1 ? html`<span>offer ${epoch}</span>` : null}
    </p>
    ${paused ? html`<p class="note">Paused by ${paused.by}: it can be accepted; what follows waits.</p>` : null}
    ${incident ? html`<p class="note">${incident} is open beside it.</p>` : null}
    ${own ? html`<p class="buttons"><${Accept} id=${handoffId} /> <${Reject} id=${handoffId} /></p>` : null}
  </article>`;
}
