import { html } from './dom.js';
import { get, seg } from './api.js';
import { Accept, Cancel, Complete, Extend, Pause, Reject, Resume } from './answers.js';
import { IncidentCard } from './incidents.js';
import { useData } from './live.js';
import { may } from './policy.js';
import { useTitle } from './route.js';
import { ACCEPTS, TEMPORAL_UI } from './terms.js';
import { Ago, Badge, Empty, Facts, Heading, Said, Shown, Table } from './ui.js';
import { useSeenBy } from './waiting.js';
import { linesOf, plain, title } from './words.js';

/** @typedef {import('../../core/handoff.js').HandoffState} HandoffState */
/** @typedef {import('../../client/runs.js').RunStatus} RunStatus */
/** @typedef {import('../../core/effect.js').Effect} Effect */
/** @typedef {import('./main.js').Session} Session */

/** The status as it is shown, the stronger over the weaker. @param {RunStatus} run */
function shown({ status, state, words }) {
  if (!state || !ACCEPTS[status]?.length) return status;
  if (state.incidents.length > 0) return 'incident';
  if (Object.keys(state.holds).length === 0 || status === 'compensating') return status;
  return words?.startsWith('**draining') ? 'draining' : 'paused';
}

/** @param {{ id: string, session: Session }} props */
export function HandoffPage({ id, session }) {
  useTitle(id);
  useSeenBy(`handoff/${id}`, session);
  const from = useData(
    async (signal) => {
      const path = `/handoffs/${seg(id)}`;
      const [run, effects, document] = await Promise.all([
        get(path, {}, signal),
        get(`${path}/effects`, {}, signal).catch(() => undefined),
        get(`${path}/document`, {}, signal).catch(() => undefined),
      ]);
      return {
        run: /** @type {RunStatus} */ (run),
        effects: /** @type {Effect[] | undefined} */ (effects?.effects),
        document,
      };
    },
    [id],
  );
  return html`<${Heading}>${id}<//>
    <${Shown} from=${from}
      >${({ run, effects, document }) => html`<${Handoff} run=${run} effects=${effects} document=${document} session=${session} />`}<//
    >`;
}

/** @param {{ run: RunStatus, effects: Effect[] | undefined, document: unknown, session: Session }} props */
function Handoff({ run, effects, document, session }) {
  const { handoffId: id, subject, state, words = '', from, retries = [] } = run;
  const ui =
    TEMPORAL_UI &&
    `${TEMPORAL_UI}/workflows/${encodeURIComponent(state?.ending?.by === 'reconcile' ? `handoff/${id}/repair` : `handoff/${id}`)}`;
  const lines = linesOf(words);
  return html`
    <p class="lead">
      <${Badge} of=${shown(run)} />
      <span>${lines[0]?.replace(/^[a-z ]+(?= (since|at) )/, '') ?? plain(run.status)}</span>
    </p>
    ${from === 'storage' ? html`<p class="stale">No worker answers: this is the last record. Start one: <code>handoff worker</code>.</p>` : null}
    ${state?.incidents.map((incident) => html`<${IncidentCard} key=${incident.id} handoff=${id} incident=${incident} session=${session} linked=${false} />`)}
    ${lines
      .slice(1)
      .filter((line) => !line.startsWith('Incident ') && !/^- (ours|theirs|before):/.test(line))
      .map((line) => html`<${Said} text=${line} />`)}
    ${retries.map((r) => html`<p class="note"><code>${r.activity}</code> is tried again, attempt ${r.attempt}${r.maximumAttempts ? ` of ${r.maximumAttempts}` : ''}: <${Said} inline text=${r.error} /></p>`)}
    <${Buttons} run=${run} session=${session} />
    ${
      subject
        ? html`<${Facts}
            of=${[
              ['From', partyOf(subject.source)],
              ['To', partyOf(subject.target)],
              ['Procedure', `${subject.procedure.id} ${subject.procedure.version ?? ''}`],
              [
                'Session',
                html`<a href="#/handoffs?all=yes&session=${encodeURIComponent(subject.session)}"
                  >${subject.session}</a
                >`,
              ],
              ['Priority', subject.priority],
              ['Began', state ? html`<${Ago} at=${state.createdAt} />` : undefined],
              ['Reports', html`<a href="#/reports?task_id=${encodeURIComponent(id)}">of this handoff</a>`],
              [
                'Temporal',
                ui
                  ? html`<a href=${ui} target="_blank" rel="noopener noreferrer">its history in the Web UI</a>`
                  : undefined,
              ],
            ]}
          />`
        : null
    }
    <${Steps} state=${state} />
    <${Effects} effects=${effects} />
    ${
      document
        ? html`<section>
            <h2>What is handed over</h2>
            <details>
              <summary>The document</summary>
              <pre>${JSON.stringify(document, undefined, 2)}</pre>
            </details>
          </section>`
        : null
    }
  `;
}

/** @param {{ agent?: string, phase?: string | number }} party */
const partyOf = ({ agent, phase }) =>
  [agent, phase === undefined ? undefined : `phase ${phase}`].filter(Boolean).join(', ');

/** Only what fits its state and who looks. @param {{ run: RunStatus, session: Session }} props */
function Buttons({ run, session }) {
  const { handoffId: id, status, state, subject } = run;
  const fits = ACCEPTS[status] ?? [];
  const source = subject?.source.agent === session.agent;
  const target = subject?.target.agent === session.agent || state?.acceptance.by === session.agent;
  const relations = [
    ...(source ? ['source'] : []),
    ...(target ? ['target'] : []),
    ...(source || target ? ['party'] : []),
  ];
  /** @param {string} message @param {string} act */
  const can = (message, act) => fits.includes(message) && may(act, session.roles, { relations });
  const held = state && Object.keys(state.holds)[0];
  const buttons = [
    can('accept', 'handoff.accept') ? html`<${Accept} id=${id} /> <${Reject} id=${id} />` : null,
    can('complete', 'handoff.accept') && !state?.acceptance.auto
      ? html`<${Complete} id=${id} epoch=${state?.acceptance.epoch} />`
      : null,
    can('resume', 'handoff.pause') && held
      ? html`<${Resume} id=${id} holder=${held === 'parent' ? 'parent' : undefined} />`
      : null,
    can('pause', 'handoff.pause') && !held ? html`<${Pause} id=${id} />` : null,
    can('extendExpiry', 'handoff.extend') ? html`<${Extend} id=${id} />` : null,
    can('cancel', 'handoff.cancel') ? html`<${Cancel} id=${id} />` : null,
  ].filter(Boolean);
  return buttons.length > 0 ? html`<p class="buttons">${buttons}</p>` : null;
}

/**
 * As the core's `shownStep`: of a handoff that does not complete, a step that has not ended comes no more.
 * @param {HandoffState | undefined} state @param {import('../../core/handoff.js').StepState} step
 * @returns {import('../../core/handoff.js').ShownStep}
 */
function shownStep(state, step) {
  const isOpen = step.status === 'waiting' || (step.status === 'running' && !ACCEPTS[state?.status ?? '']?.length);
  if (!state?.ending || !isOpen) return step.status;
  return step.startedAt === undefined ? 'not_reached' : 'stopped';
}

/** @param {{ state: HandoffState | undefined }} props */
function Steps({ state }) {
  const rows = Object.entries(state?.steps ?? {}).map(([id, step]) => ({
    key: id,
    cells: [
      title(id),
      html`<${Badge} of=${shownStep(state, step)} />`,
      step.finishedAt
        ? html`<${Ago} at=${step.finishedAt} />`
        : step.startedAt
          ? shownStep(state, step) === 'stopped'
            ? html`began <${Ago} at=${step.startedAt} />`
            : html`since <${Ago} at=${step.startedAt} bare />`
          : '–',
      step.error
        ? html`<code>${step.error.code}</code> <${Said} inline text=${step.error.message} />`
        : html`<${Said} inline text=${step.note ?? ''} />`,
    ],
  }));
  return html`<section aria-labelledby="steps">
    <h2 id="steps">Steps</h2>
    <${Table} caption="Steps" head=${['Step', 'Status', 'When', 'More']} rows=${rows} empty="No step has begun." />
    ${
      state && state.undone.length > 0
        ? html`<h3>Undone</h3>
            <ul>
              ${state.undone.map((u) => html`<li><code>${u.resource}</code> ${plain(u.result)}</li>`)}
            </ul>`
        : null
    }
  </section>`;
}

/** @param {{ effects: Effect[] | undefined }} props */
function Effects({ effects }) {
  if (!effects)
    return html`<section>
      <h2>Effects</h2>
      <${Empty}>The ledger cannot be read now.<//>
    </section>`;
  const rows = effects.map((e) => ({
    key: e.key,
    cells: [
      html`<code>${e.resource}</code>`,
      title(e.step),
      html`<${Badge} of=${e.status} />${e.undoResult ? ` ${plain(e.undoResult)}` : ''}`,
      html`<${Ago} at=${e.undoneAt ?? e.appliedAt ?? e.intendedAt} />`,
      e.irreversible ? 'cannot be undone' : '',
    ],
  }));
  return html`<section aria-labelledby="effects">
    <h2 id="effects">Effects</h2>
    <${Table}
      caption="Effects"
      head=${['What it changed', 'Step', 'Status', 'When', 'Note']}
      rows=${rows}
      empty="It has changed nothing yet."
    />
  </section>`;
}
