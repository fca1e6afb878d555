import fastify from 'fastify';
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import swagger from '@fastify/swagger';
import { HandoffError } from '../core/errors.js';
import { PREFIX, type Api, type ApiDeps, type Routes } from './deps.js';
import { sendProblem } from './errors.js';
import { healthRoutes } from './routes/health.js';
import { pageRoutes } from './routes/page.js';

const ROUTES: readonly Routes[] = [healthRoutes];

/** The whole service, ready to listen or to be asked with `inject`. */
export async function createService(deps: ApiDeps): Promise<Api> {
  const app = fastify({ bodyLimit: deps.settings.maxReportBytes }).withTypeProvider() as unknown as Api;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'handoff', version: '1' } },
    transform: jsonSchemaTransform,
  });
  app.decorateRequest('actor', null as never);
  app.addHook('onRequest', async (request) => {
    if ((request.routeOptions.config as { public?: boolean }).public) return;
    const [scheme, secret = ''] = (request.headers.authorization ?? '').split(' ');
    const key = scheme?.toLowerCase() === 'bearer' ? await deps.storage.keys.verify(secret) : undefined;
    if (!key) throw new HandoffError('UNAUTHENTICATED');
    request.actor = { by: key.agent, roles: key.roles, from: request.ip, keyId: key.id };
  });
  await app.register(
    async (scope) => {
      for (const routes of ROUTES) await routes(scope, deps);
    },
    { prefix: PREFIX },
  );
  pageRoutes(app, deps);
  return app;
}
