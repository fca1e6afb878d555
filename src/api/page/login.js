import { html, useId, useState } from './dom.js';
import { call, get, problemOf } from './api.js';
import { useTitle } from './route.js';
import { Fault } from './ui.js';

/**
 * The key goes to the service once and comes back as a cookie that no script can read; it is kept nowhere here.
 * @param {{ onEnter: (session: import('./main.js').Session) => void, bare?: boolean }} props
 */
export function Login({ onEnter, bare = false }) {
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState(/** @type {import('./api.js').Problem | undefined} */ (undefined));
  const id = useId();
  useTitle(bare ? undefined : 'Sign in');
  const enter = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setProblem(undefined);
    try {
      await call('POST', '/session', { body: { api_key: key.trim() } });
      setKey('');
      onEnter(await get('/session'));
    } catch (error) {
      const own = problemOf(error);
      const words =
        'This key is not known, has expired or was revoked. An admin makes a new one: `handoff agents keys add`.';
      setProblem(own.status === 401 ? { ...own, code: 'UNAUTHENTICATED', detail: words } : own);
    }
  };
  return html`<section class="login">
    ${
      bare
        ? null
        : html`<h1>handoff</h1>
            <p>What is in flight, what waits for whom, and what to press. Sign in with your API key.</p>`
    }
    <form onSubmit=${enter}>
      <p class="field">
        <label for=${id}>API key</label>
        <input
          id=${id}
          name="api_key"
          type="password"
          autocomplete="off"
          spellcheck=${false}
          required
          autofocus
          aria-describedby="${id}-h"
          value=${key}
          onInput=${(e) => setKey(e.currentTarget.value)}
        />
        <small id="${id}-h">It begins with <code>hk_</code>; <code>handoff agents keys add</code> makes one.</small>
      </p>
      <${Fault}
        problem=${problem && { ...problem, code: problem.code === 'UNAUTHENTICATED' ? 'Not signed in.' : problem.code }}
      />
      <p class="buttons"><button class="primary">Sign in</button></p>
    </form>
  </section>`;
}
