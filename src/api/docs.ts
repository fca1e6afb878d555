import swaggerUi from '@fastify/swagger-ui';
import { readFileSync } from 'node:fs';
import type { Api } from './deps.js';
import { errorsPage } from './errors-page.js';
import { DOCUMENT } from './openapi.js';

/** The document, the page that shows it, and the page of the errors: all public. */
export async function docs(app: Api): Promise<void> {
  const document = (): object => (app as unknown as Record<typeof DOCUMENT, () => object>)[DOCUMENT]();
  const config = { public: true };
  app.get('/openapi.json', { config }, (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(document())),
  );
  const errors = errorsPage(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8'));
  app.get('/docs/errors', { config }, (_request, reply) => reply.type('text/html; charset=utf-8').send(errors));
  // A user's application that shows its own document with the same page keeps that one.
  if (app.hasDecorator('swaggerCSP')) return;
  if (!app.hasDecorator('swagger')) app.decorate('swagger', document as never);
  await app.register(async (scope) => {
    scope.addHook('onRoute', (options) => {
      options.config = { ...options.config, public: true };
    });
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      transformSpecification: document as never,
      transformSpecificationClone: false,
      uiConfig: { docExpansion: 'list', tryItOutEnabled: false, persistAuthorization: false },
    });
  });
}
