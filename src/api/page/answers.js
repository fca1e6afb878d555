import { html } from './dom.js';
import { get, seg } from './api.js';
import { changed } from './live.js';
import { Act, REASON, useWrite } from './ui.js';

/** The buttons of a handoff: each says what comes of it, asks what it must, and sends one message. */

/** @typedef {{ id: string }} OfHandoff */

/** @param {string} id @param {string} verb */
const path = (id, verb) => `/handoffs/${seg(id)}/${verb}`;
/** What was given. @param {Record<string, unknown>} values */
const given = (values) => Object.fromEntries(Object.entries(values).filter(([, v]) => v !== '' && v !== undefined));

/** @param {OfHandoff} props */
export function Accept({ id }) {
  const write = useWrite();
  return html`<${Act}
    label="Accept"
    title="Accept ${id}"
    tone="primary"
    says="You take the work: its steps go on, and it is yours to complete."
    fields=${[{ name: 'leaseMinutes', label: 'Offer it again unless completed within minutes', kind: 'number', min: 1 }]}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', path(id, 'accept'), { body: v['leaseMinutes'] ? { leaseMinutes: Number(v['leaseMinutes']) } : {} })}
    done="${id} is accepted."
    onDone=${changed}
  />`;
}

/** @param {OfHandoff} props */
export function Reject({ id }) {
  const write = useWrite();
  return html`<${Act}
    label="Reject"
    title="Reject ${id}"
    tone="danger"
    says="All that it did is undone, and it ends as rejected."
    fields=${[REASON]}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', path(id, 'reject'), { body: { reason: v['reason'] } })}
    done="${id} is rejected."
    onDone=${changed}
  />`;
}

/** @param {OfHandoff & { epoch?: number }} props */
export function Complete({ id, epoch }) {
  const write = useWrite();
  /** @param {Record<string, string>} v */
  const send = async (v) => {
    const now = epoch ?? (await get(`/handoffs/${seg(id)}`)).state?.acceptance.epoch;
    return write('POST', path(id, 'complete'), { body: given({ epoch: now, note: v['note'] }) });
  };
  return html`<${Act}
    label="Complete"
    title="Complete ${id}"
    tone="primary"
    says="You say that the work is done; the handoff goes on to its end."
    fields=${[{ name: 'note', label: 'Note', kind: 'area' }]}
    send=${send}
    done="${id} is completed."
    onDone=${changed}
  />`;
}

/** @param {OfHandoff} props */
export function Pause({ id }) {
  const write = useWrite();
  return html`<${Act}
    label="Pause"
    title="Pause ${id}"
    says="What is at work ends; then nothing begins until somebody resumes it. Its clock stands still."
    fields=${[REASON]}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', path(id, 'pause'), { body: { reason: v['reason'] } })}
    done="A pause of ${id} is asked for."
    onDone=${changed}
  />`;
}

/** @param {OfHandoff & { holder?: string }} props */
export function Resume({ id, holder }) {
  const write = useWrite();
  return html`<${Act}
    label="Resume"
    title="Resume ${id}"
    tone="primary"
    says="It goes on where it stands, with the time that was left."
    fields=${[{ name: 'note', label: 'Note', kind: 'area' }]}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', path(id, 'resume'), { body: given({ note: v['note'], holder }) })}
    done="${id} is resumed."
    onDone=${changed}
  />`;
}

/** @param {OfHandoff} props */
export function Cancel({ id }) {
  const write = useWrite();
  return html`<${Act}
    label="Cancel"
    title="Cancel ${id}"
    tone="danger"
    says="Everything that it did is undone, the newest first, and it closes as cancelled. This cannot be taken back."
    fields=${[REASON]}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', path(id, 'cancel'), { body: { reason: v['reason'] } })}
    done="A cancellation of ${id} is asked for."
    onDone=${changed}
  />`;
}

/** @param {OfHandoff} props */
export function Extend({ id }) {
  const write = useWrite();
  return html`<${Act}
    label="Extend"
    title="Extend ${id}"
    says="Its expiry moves by so many minutes."
    fields=${[{ name: 'minutes', label: 'Minutes', kind: 'number', required: true, min: 1 }]}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', path(id, 'extend'), { body: { minutes: Number(v['minutes']) } })}
    done="${id} has more time."
    onDone=${changed}
  />`;
}
