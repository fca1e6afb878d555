import swagger from '@fastify/swagger';
import type { FastifySchema, RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERRORS } from '../core/errors.js';
import { COOKIE } from './auth.js';
import type { Api } from './deps.js';
import { linked } from './links.js';
import { TAGS, problemsOf, type RouteSpec } from './route.js';

type Json = Record<string, unknown>;

/** What an application calls to get the document. */
export const DOCUMENT = 'handoffDocument';

/** RFC 9457, as {@link import('./errors.js').Problem} has it. */
const PROBLEM = z.object({
  type: z.string().describe('Where it is explained.'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('What is wrong, for people.'),
  code: z.enum(Object.keys(ERRORS) as [string, ...string[]]),
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .describe('What is wrong where: JSON pointers into the body, or names of parameters and headers.'),
  retryable: z.boolean().describe('Whether the same request can succeed later.'),
  params: z.record(z.string(), z.unknown()).optional().describe('The facts in `detail`, by name.'),
});

const ABOUT = `Handoffs between agents, and reports of their work with review and sign-off.

Send \`Authorization: Bearer hk_…\` with every request. A write may carry an \`Idempotency-Key\`: sent again it gets the same
answer. Reports have an \`ETag\`, and take \`If-Match\`. Errors are problem details (RFC 9457) with a \`code\`.`;

/** Gathers the routes that are registered after it; `app.handoffDocument()` is the OpenAPI document. */
export async function describe(app: Api, version: string): Promise<void> {
  const { $schema: _, ...problem } = z.toJSONSchema(PROBLEM) as Json;
  await app.register(swagger, {
    decorator: DOCUMENT as 'swagger',
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'handoff',
        description: ABOUT,
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: app.prefix || '/' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        schemas: { Problem: problem },
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key: `hk_…`' },
          session: { type: 'apiKey', in: 'cookie', name: COOKIE, description: "The page's session" },
        },
      },
    },
    transformObject: (found) => linked(jsonSchemaTransformObject(found)),
  });
  // On the route itself, so that a document of a user's own leaves them out instead of failing over our schemas.
  app.addHook('onRoute', (options) => {
    options.config = { ...options.config, swaggerTransform: transform as never };
  });
}

type Transformed = Parameters<typeof jsonSchemaTransform>[0];

function transform(document: Transformed): { schema: FastifySchema; url: string } {
  const { url, route } = document as unknown as { url: string; route: RouteOptions };
  const { spec } = route.config ?? {};
  const { openapiObject } = document as unknown as { openapiObject: { components?: { schemas?: Json } } };
  const hidden = { schema: { hide: true } as FastifySchema, url };
  if (!spec || !openapiObject.components?.schemas?.['Problem']) return hidden;
  const { schema } = jsonSchemaTransform(document) as unknown as { schema: Json };
  const method = String(route.method);
  return {
    schema: { ...schema, ...described(spec, method, url), ...inputs(spec, method, schema) },
    url,
  };
}

function described(spec: RouteSpec, method: string, url: string): Json {
  const { summary, details, tag, act } = spec;
  const needs = act ? `Act of the policy table: \`${act}\`.` : undefined;
  return {
    tags: [tag],
    summary,
    description: [details, needs].filter(Boolean).join('\n\n') || summary,
    operationId: operationId(method, url),
    security: spec.public ? [] : [{ key: [] }, { session: [] }],
  };
}

/** `post_reports_report_id_submit`: stable, and unique because method and path are. */
const operationId = (method: string, url: string): string =>
  `${method.toLowerCase()}_${url.replace(/^.*\/api\/v1\/agent-handoff\//, '').replaceAll(/[^A-Za-z0-9]+/g, '_')}`.replace(
    /_+$/,
    '',
  );

const KEY_HEADER = {
  type: 'object',
  properties: {
    'Idempotency-Key': {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      pattern: '^[\\x21-\\x7e]+$',
      description: 'Names this request: sent again within 24 hours, it gets the same answer.',
    },
  },
};

const problem = (description: string): { description: string; content: Json } => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

function inputs(spec: RouteSpec, method: string, schema: Json): Json {
  const response = { ...(schema['response'] as Json) };
  // From the server beneath, before any route is known.
  response[431] = problem('The head of the request is too large');
  for (const [status, codes] of problemsOf(spec, method)) {
    const good = response[status] as Json | undefined;
    // Health answers 503 in its own form, too.
    const json = good && { 'application/json': { schema: good } };
    const { description, content } = problem(codes.map((c) => `\`${c}\``).join(', '));
    response[status] = { description, content: { ...json, ...content } };
  }
  const named = !['GET', 'HEAD'].includes(method) && !spec.public && !spec.notIdempotent;
  const headers = named ? { headers: withProperties(KEY_HEADER, schema['headers'] as Json | undefined) } : {};
  const bytes = spec.bodyMedia ? { body: { type: 'string', format: 'binary' }, consumes: [...spec.bodyMedia] } : {};
  return { response, ...headers, ...bytes };
}

const withProperties = (one: Json, two: Json | undefined): Json => ({
  ...two,
  ...one,
  properties: { ...(two?.['properties'] as Json | undefined), ...(one['properties'] as Json) },
});
