import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { HandoffClient } from '../client.js';
import type { Actor } from '../core/report/report.js';
import type { ServiceSettings } from '../core/service/settings.js';
import type { Storage } from '../storage/storage.js';

/** What every route is under. */
export const PREFIX = '/api/v1/agent-handoff';

/** What the routes work with. */
export interface ApiDeps {
  client: HandoffClient;
  storage: Storage;
  settings: ServiceSettings;
  /** Where the Temporal Web UI shows this namespace, for links. */
  temporalUi?: string;
}

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** A group of routes. Paths in it are below {@link PREFIX}. */
export type Routes = (app: Api, deps: ApiDeps) => void | Promise<void>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any route but the public ones runs. */
    actor: Actor & { keyId: string };
  }
}
