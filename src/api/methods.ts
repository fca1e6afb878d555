import type { HTTPMethods } from 'fastify';
import { HandoffError } from '../core/errors.js';
import type { Api } from './deps.js';
import { pathOf } from './errors.js';

/**
 * Gathers what is registered after it. The answer answers at every path the methods that it does not have: OPTIONS with
 * what there is, the rest with METHOD_NOT_ALLOWED.
 */
export function otherMethods(app: Api): () => void {
  const known = new Set<string>();
  app.addHook('onRoute', ({ url }) => void known.add(url));
  return () => {
    for (const url of known) {
      if (url === '*' || !url.startsWith(app.prefix)) continue;
      const has = (method: string): boolean => app.hasRoute({ url, method });
      const methods = app.supportedMethods.filter((m) => has(m) && m !== 'OPTIONS');
      const allow = [...methods, 'OPTIONS'].join(', ');
      const missing = app.supportedMethods.filter((m) => !has(m) && m !== 'OPTIONS') as HTTPMethods[];
      const at = url.slice(app.prefix.length) || '/';
      const common = { url: at, config: { public: true }, exposeHeadRoute: false };
      app.route({
        ...common,
        method: missing,
        // Before its body is read.
        onRequest: async (request) => {
          throw new HandoffError('METHOD_NOT_ALLOWED', {
            method: request.method,
            path: pathOf(request),
            allowed: allow,
          });
        },
        handler: () => {},
      });
      if (has('OPTIONS')) continue;
      app.route({
        ...common,
        method: 'OPTIONS',
        handler: (_request, reply) => reply.code(204).header('allow', allow).send(),
      });
    }
  };
}
