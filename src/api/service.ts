import cookie from '@fastify/cookie';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { HandoffError } from '../core/errors.js';
import { keepAnchored } from '../storage/audit/trail.js';
import { recordActs } from './acts.js';
import { answerOnce } from './idempotency.js';
import { authenticate, requireRole } from './auth.js';
import { PREFIX, type Api, type ApiDeps } from './deps.js';
import { docs } from './docs.js';
import { pathOf, sendProblem } from './errors.js';
import { takeWebSockets } from './events/sockets.js';
import { headers } from './headers.js';
import { limits, onlyJson } from './limits.js';
import { otherMethods } from './methods.js';
import { describe } from './openapi.js';
import { recordRefusals } from './refusals.js';
import { isPublic } from './route.js';
import { ROOT, ROUTES } from './routes/index.js';
import { serverOptions } from './server-options.js';

const nothingThere = (request: FastifyRequest): never => {
  throw new HandoffError('NOT_FOUND', { path: pathOf(request) });
};

/**
 * The API as a Fastify plugin, for an application of your own: `app.register(handoffApi, { prefix: '/handoff', client,
 * storage, settings })`. Its hooks, parsers and error handler stay with it.
 */
export async function handoffApi(instance: FastifyInstance, deps: ApiDeps): Promise<void> {
  const app = instance.withTypeProvider() as unknown as Api;
  const { storage, settings } = deps;
  app.decorate('handoffBase', app.prefix);
  app.decorateRequest('actor', null as never);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  recordRefusals(app, storage);
  const stopAnchoring = keepAnchored(storage.audit, (why) => {
    app.log.error(why);
  });
  app.addHook('onClose', stopAnchoring);
  onlyJson(app);
  await headers(app, settings);
  if (!app.hasRequestDecorator('cookies')) await app.register(cookie);
  await takeWebSockets(app);
  const { perKey, perAddress } = await limits(app, settings);
  app.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions;
    if (config.spec?.unlimited) return undefined;
    if (request.is404 || isPublic(config)) return perAddress(request, reply);
    try {
      request.actor = await authenticate(request, storage, config.spec?.anyOrigin);
    } catch (error) {
      await perAddress(request, reply);
      throw error;
    }
    await perKey(request, reply);
    if (config.spec?.act) requireRole(request, config.spec.act);
    return undefined;
  });
  recordActs(app, storage);
  answerOnce(app, storage.idempotency);
  app.addHook('onRoute', (options) => {
    options.bodyLimit ??= settings.maxReportBytes;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'private, no-cache');
  });
  await describe(app, '1');
  const answerOthers = otherMethods(app);
  await app.register(
    async (scope) => {
      scope.setNotFoundHandler(nothingThere);
      for (const routes of [...ROUTES, ...(deps.more ?? [])]) await routes(scope, deps);
    },
    { prefix: PREFIX },
  );
  for (const routes of ROOT) await routes(app, deps);
  await docs(app);
  answerOthers();
}

/** The whole service, ready to listen or to be asked with `inject`. */
export async function createService(deps: ApiDeps): Promise<Api> {
  const app = fastify(serverOptions(deps));
  await handoffApi(app, deps);
  app.setNotFoundHandler(nothingThere);
  return app;
}
