/** The HTTP API, for a Fastify application of your own. */
export { createService, handoffApi } from './service.js';
export { PREFIX, type ApiDeps, type Caller } from './deps.js';
export type { Problem } from './errors.js';
export { DEFAULT_SETTINGS, type ServiceSettings } from '../core/service/settings.js';
