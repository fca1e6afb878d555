import { html } from './dom.js';
import { seg } from './api.js';
import { changed } from './live.js';
import { may } from './policy.js';
import { to } from './route.js';
import { REPAIRS } from './terms.js';
import { Act, Ago, Facts, REASON, Said, useWrite } from './ui.js';
import { plain, short, title } from './words.js';

/** @typedef {import('../../core/handoff.js').Incident} Incident */
/** @typedef {import('../../core/repairs.js').Repair} Repair */

/** @param {Incident} i */
const repairsOf = (i) => REPAIRS[i.conflict ? 'conflict' : i.kind] ?? [];

/** `sha256 88992dc55366… mode 644` is short enough; a bare digest is not. @param {string} said */
const brief = (said) => (said.length <= 40 ? said : short(said));

/** `h1/share_it/1/notes.md`, a key of the ledger, as `Share it: notes.md`. @param {string} key */
function effectTitle(key) {
  const [, step = '', , ...effect] = key.split('/');
  return `${title(step)}: ${effect.join('/')}`;
}

/** What failed, in words. @param {Incident} i */
function whatFailed({ kind, step, effect, returns = [] }) {
  if (kind === 'step') return `Step ${title(step ?? '')} failed`;
  if (kind === 'undo') return `The undo of ${effect ? effectTitle(effect) : title(step ?? '')} failed`;
  if (kind === 'return') return `The return of ${returns.join(', ')} did not come as it should`;
  return kind === 'lease' ? 'The acceptance has lapsed too often' : 'The run was terminated without an undo';
}

const LABELS = { retry: 'Retry', skip: 'Skip', rollback: 'Roll back', resolve: 'Resolve' };
/** @param {Repair} r */
const labelOf = (r) => (r.choice ? title(r.choice) : LABELS[r.verb]);

/** What a press will do, whole. @param {Repair} r @param {Incident} i */
function willDo(r, i) {
  const means = title(r.means.replace('the --value that you give', 'the value that you give'));
  if (r.verb === 'rollback')
    return `${means}: every effect is taken back, the newest first, and the handoff closes as failed. This cannot be taken back.`;
  if (r.verb === 'skip') return `${means}: what it did so far is undone, and the steps after it begin.`;
  if (r.verb === 'retry' && i.kind === 'step') return `${means}, with the same input, from its beginning.`;
  return `${means}.`;
}

/** @param {Record<string, string>} values */
function valueOf({ value = '' }) {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** @param {{ handoff: string, incident: Incident, repair: Repair }} props */
function RepairButton({ handoff, incident, repair }) {
  const write = useWrite();
  const { verb, choice } = repair;
  const fields = [
    ...(choice === 'merge'
      ? [{ name: 'value', label: 'The value, as JSON or text', kind: /** @type {const} */ ('area'), required: true }]
      : []),
    REASON,
  ];
  /** @param {Record<string, string>} values */
  const send = (values) =>
    write('POST', `/handoffs/${seg(handoff)}/${verb}`, {
      body: {
        incidentId: incident.id,
        reason: values['reason'],
        ...(choice ? { choice } : {}),
        ...(choice === 'merge' ? { value: valueOf(values) } : {}),
      },
    });
  return html`<${Act}
    label=${labelOf(repair)}
    title="${labelOf(repair)} — ${handoff}"
    tone=${verb === 'rollback' ? 'danger' : ''}
    says=${willDo(repair, incident)}
    fields=${fields}
    send=${send}
    onDone=${changed}
    done="${labelOf(repair)}: sent for ${handoff}."
  />`;
}

/**
 * One open incident: what, why, since when, for whom, and the buttons that are possible.
 * @param {{ handoff: string, incident: Incident, session: import('./main.js').Session, where?: unknown, linked?: boolean, stale?: boolean }} props
 */
export function IncidentCard({ handoff, incident, session, where, linked = true, stale = false }) {
  const { conflict, error } = incident;
  const mends = may('handoff.repair', session.roles);
  return html`<article class="card bad" aria-label="Incident ${incident.id} of ${handoff}">
    <h3>
      <span aria-hidden="true">▲</span> ${whatFailed(incident)}
      ${linked ? html` — <a href=${to('handoffs', handoff)}>${handoff}</a>` : null}
    </h3>
    <p class="meta">
      <span>${incident.id}</span>
      <span>since <${Ago} at=${incident.at} bare /></span> ${where ? html`<span>${where}</span>` : null}
    </p>
    <p class="cause"><code>${error.code}</code> <${Said} inline text=${error.message} /></p>
    ${stale ? html`<p class="note">No worker answers: this is the last record.</p>` : null}
    ${
      conflict
        ? html`<${Facts}
            of=${[
              ['Resource', html`<code>${conflict.resource}</code>`],
              ['Ours', html`<code>${brief(conflict.ours)}</code>`],
              ['Theirs', html`<code>${brief(conflict.theirs)}</code>`],
              ['Before', html`<code>${brief(conflict.before)}</code>`],
            ]}
          />`
        : null
    }
    ${
      mends
        ? html`<ul class="choices">
            ${repairsOf(incident).map(
              (repair) =>
                html`<li>
                  <${RepairButton} handoff=${handoff} incident=${incident} repair=${repair} />
                  <span>${plain(repair.means).replace('the --value that you give', 'a value that you give')}</span>
                </li>`,
            )}
          </ul>`
        : html`<p class="note">It waits for an operator with the role admin.</p>`
    }
  </article>`;
}
