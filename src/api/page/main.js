import { html, render, useEffect, useRef, useState } from './dom.js';
import { call, get, setCsrf, signedOut } from './api.js';
import { HandoffPage } from './handoff.js';
import { HandoffsPage } from './handoffs.js';
import { InboxPage } from './inbox.js';
import { goLive, useConnection, useData } from './live.js';
import { Login } from './login.js';
import { NumbersPage } from './numbers.js';
import { ReportPage } from './report.js';
import { EditReport, NewReport } from './report-edit.js';
import { ReportsPage } from './reports.js';
import { countInTitle, to, useRoute } from './route.js';
import { announce, Dialog, Empty, Heading } from './ui.js';
import { WaitingPage, waitingCount } from './waiting.js';

/** @typedef {{ agent: string, roles: string[], csrf?: string }} Session */

const NAV = [
  ['', 'Waiting'],
  ['handoffs', 'Handoffs'],
  ['inbox', 'Inbox'],
  ['reports', 'Reports'],
  ['numbers', 'Numbers'],
];

/** @param {{ parts: string[], query: Record<string, string>, session: Session }} props */
function Page({ parts, query, session }) {
  const [first, second, third] = parts;
  switch (first) {
    case undefined:
      return html`<${WaitingPage} session=${session} />`;
    case 'handoffs':
      return second
        ? html`<${HandoffPage} key=${second} id=${second} session=${session} />`
        : html`<${HandoffsPage} query=${query} />`;
    case 'inbox':
      return html`<${InboxPage} key=${second} agent=${second ?? session.agent} session=${session} />`;
    case 'reports':
      if (second === 'new') return html`<${NewReport} query=${query} />`;
      if (second && third === 'edit') return html`<${EditReport} key=${second} id=${second} />`;
      return second
        ? html`<${ReportPage} key=${second} id=${second} session=${session} />`
        : html`<${ReportsPage} query=${query} />`;
    case 'numbers':
      return html`<${NumbersPage} />`;
    default:
      return html`<${Heading}>No such page<//><${Empty}>Go to <a href=${to()}>what waits</a>.<//>`;
  }
}

const CONNECTION = {
  live: ['●', 'live', 'Changes show here as they happen.'],
  connecting: ['◌', 'connecting', 'The page looks every few seconds until then.'],
  reconnecting: ['◌', 'reconnecting', 'No connection for live changes; the page looks every few seconds.'],
  off: ['○', 'not live', ''],
};

function Connection() {
  const connection = useConnection();
  const [sign, word, means] = CONNECTION[connection];
  return html`<span class="connection ${connection}" role="status" title=${means}
    ><span aria-hidden="true">${sign}</span> ${word}</span
  >`;
}

/** @param {{ first: string | undefined, session: Session, onSignOut: () => void }} props */
function Header({ first, session, onSignOut }) {
  const waiting = useData((signal) => waitingCount(session, signal), [session.agent]);
  useEffect(() => countInTitle(waiting.data ?? 0), [waiting.data]);
  const leave = async () => {
    await call('DELETE', '/session').catch(() => undefined);
    onSignOut();
  };
  return html`<header>
    <nav aria-label="Pages">
      ${NAV.map(
        ([path, name]) =>
          html`<a href=${to(...(path ? [path] : []))} aria-current=${(first ?? '') === path ? 'page' : undefined}
            >${name}${path === '' && waiting.data ? html` <b class="count">${waiting.data}</b>` : null}</a
          >`,
      )}
    </nav>
    <p class="who">
      <${Connection} />
      <span title=${session.roles.join(', ')}>${session.agent}</span>
      <button type="button" class="quiet" onClick=${leave}>Sign out</button>
    </p>
  </header>`;
}

function App() {
  const route = useRoute();
  /** @type {[Session | null | undefined, (s: Session | null) => void]} */
  const [session, setSession] = useState(/** @type {Session | null | undefined} */ (undefined));
  const [lost, setLost] = useState(false);
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const entered = useRef(false);
  const enter = (/** @type {Session} */ given) => {
    setCsrf(given.csrf);
    setSession(given);
    setLost(false);
  };
  useEffect(() => {
    get('/session').then(enter, () => setSession(null));
    const hear = () => setLost(true);
    signedOut.add(hear);
    return () => void signedOut.delete(hear);
  }, []);
  useEffect(() => (session && !lost ? goLive() : undefined), [session?.agent, lost]);
  const path = route.parts.join('/');
  // Another page begins at its heading, for the keyboard and for who does not see it; the first one begins at the top.
  useEffect(() => {
    if (session === undefined) return;
    if (session && entered.current) {
      window.scrollTo(0, 0);
      const heading = main.current?.querySelector('h1');
      heading?.focus({ preventScroll: true });
      announce(heading?.textContent ?? '');
    }
    entered.current = true;
  }, [path, session === undefined, session?.agent]);

  if (session === undefined) return html`<p class="loading">Loading …</p>`;
  if (session === null) return html`<main id="main"><${Login} onEnter=${enter} /></main>`;
  return html`<${Header} first=${route.parts[0]} session=${session} onSignOut=${() => setSession(null)} />
    <main id="main" tabindex="-1" ref=${main}>
      <${Page} parts=${route.parts} query=${route.query} session=${session} />
    </main>
    ${
      lost
        ? html`<${Dialog} title="Your session has ended" onClose=${() => setSession(null)}>
            <p>Sign in again; what you typed stays.</p>
            <${Login} bare onEnter=${enter} />
          <//>`
        : null
    }`;
}

// The address holds the page's place: a jump there would be another page.
document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault();
  document.querySelector('main')?.focus();
});
const root = document.querySelector('#app');
if (root) {
  root.textContent = '';
  render(html`<${App} />`, root);
}
