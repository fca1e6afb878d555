import { html, useEffect, useId, useState } from './dom.js';
import { withQuery } from './route.js';
import { plain } from './words.js';

/**
 * Fields above a list; what they say stands in the address, so that it can be sent to somebody.
 * @param {{ query: Record<string, string>, fields: import('./ui.js').FieldOf[] }} props
 */
export function Filters({ query, fields }) {
  const [values, set] = useState(query);
  const given = JSON.stringify(query);
  useEffect(() => set(JSON.parse(given)), [given]);
  // While one types: a moment after the last letter, without a button.
  useEffect(() => {
    const timer = setTimeout(() => JSON.stringify(values) !== given && withQuery(values), 400);
    return () => clearTimeout(timer);
  }, [JSON.stringify(values)]);
  const id = useId();
  /** @param {string} name @param {string} value */
  const put = (name, value) =>
    set((old) => Object.fromEntries(Object.entries({ ...old, [name]: value }).filter(([, v]) => v)));
  return html`<search class="filters">
    ${fields.map(({ name, label, kind = 'text', options = [] }) => {
      const own = `${id}-${name}`;
      const typed = (/** @type {{ currentTarget: { value: string } }} */ e) => put(name, e.currentTarget.value);
      if (kind === 'check')
        return html`<label key=${name}
          ><input
            type="checkbox"
            checked=${Boolean(values[name])}
            onChange=${(e) => put(name, e.currentTarget.checked ? 'yes' : '')}
          />
          ${label}</label
        >`;
      return html`<span class="field" key=${name}>
        <label for=${own}>${label}</label>
        ${
          kind === 'select'
            ? html`<select id=${own} onChange=${typed}>
                <option value="">any</option>
                ${options.map((o) => html`<option value=${o} selected=${values[name] === o}>${plain(o)}</option>`)}
              </select>`
            : html`<input id=${own} type="search" value=${values[name] ?? ''} onInput=${typed} />`
        }
      </span>`;
    })}
  </search>`;
}
