import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { HandoffClient } from '../client.js';
import type { Actor } from '../core/report/report.js';
import type { ServiceSettings } from '../core/service/settings.js';
import type { Storage } from '../storage/storage.js';
import type { SocketTiming } from './events/socket.js';
import type { RouteSpec } from './route.js';

/** What every route is under. */
export const PREFIX = '/api/v1/agent-handoff';

/** What the routes work with. */
export interface ApiDeps {
  client: HandoffClient;
  storage: Storage;
  settings: ServiceSettings;
  /** Where the Temporal Web UI shows this namespace, for links. */
  temporalUi?: string;
  /** Gets a line of JSON for each answer of 500 and above. Default: nobody. */
  log?: (line: string) => void;
  /** Routes of your own below {@link PREFIX}, declared as ours are: with `route`. */
  more?: readonly Routes[];
  /** Of WebSockets, for tests. */
  socketTiming?: SocketTiming;
}

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** A group of routes. Paths in it are below {@link PREFIX}, but for those of `ROOT`. */
export type Routes = (app: Api, deps: ApiDeps) => void | Promise<void>;

/** Who asks: an agent, by its key. */
export type Caller = Actor & { keyId: string };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route is declared as: see `route`. */
    spec?: RouteSpec;
    /** No key is needed, and nothing is declared: pages and their files. */
    public?: boolean;
  }
  interface FastifyRequest {
    /** Who asks; set before any route but the public ones runs. `roles` always has `agent`. */
    actor: Caller;
  }
  interface FastifyInstance {
    /** What the service is under in a user's own application; '' where it is alone. */
    handoffBase: string;
  }
}
