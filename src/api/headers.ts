import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { ServiceSettings } from '../core/service/settings.js';
import type { Api } from './deps.js';

/** The web socket of the very host that was asked; `'self'` means it in some browsers only. */
const socketsOf = ({ headers: { host = '' } }: { headers: { host?: string | undefined } }): string =>
  /^[\w.:[\]-]+$/.test(host) ? `ws://${host} wss://${host}` : "'self'";

/** What the browser is told to hold against: the page loads only what is ours, and nobody frames it. */
export async function headers(app: Api, settings: ServiceSettings): Promise<void> {
  const crossOrigin = settings.corsOrigins.length > 0;
  // A user's own application has its own.
  if (!app.hasReplyDecorator('helmet'))
    await app.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          // Plots and the page of the API set styles of elements.
          styleSrc: ["'self'", "'unsafe-inline'"],
          imgSrc: ["'self'", 'data:'],
          fontSrc: ["'self'", 'data:'],
          connectSrc: ["'self'", socketsOf],
          manifestSrc: ["'self'"],
          baseUri: ["'none'"],
          formAction: ["'self'"],
          frameAncestors: ["'none'"],
        },
      },
      // Whoever ends TLS in front of it says that.
      strictTransportSecurity: false,
      crossOriginResourcePolicy: { policy: crossOrigin ? 'cross-origin' : 'same-origin' },
      referrerPolicy: { policy: 'same-origin' },
    });
  if (crossOrigin)
    await app.register(cors, {
      origin: settings.corsOrigins,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match'],
      exposedHeaders: ['etag', 'location', 'retry-after', 'idempotency-replayed'],
      maxAge: 600,
    });
}
