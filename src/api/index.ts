/** The HTTP API, for a Fastify application of your own. */
export { createService, handoffApi } from './service.js';
export { startEvents } from './events/start.js';
export { PREFIX, type Api, type ApiDeps, type Caller, type Routes } from './deps.js';
export { route, type RouteSpec } from './route.js';
export type { Problem } from './errors.js';
export { readSettings } from '../core/service/settings-schema.js';
export { DEFAULT_SETTINGS, type ServiceSettings } from '../core/service/settings.js';
