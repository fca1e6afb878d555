import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LIFE } from '../../core/handoff.js';
import { repairsOf } from '../../core/repairs.js';
import {
  COMPONENT_STATUSES,
  COMPONENT_TYPES,
  REPORT_STATUSES,
  REVIEW_COMMENTS_MIN,
  REVIEW_STATUSES,
  SIGN_OFF_ROLES,
  WORK_SUMMARY_MIN,
} from '../../core/report/report.js';
import { POLICY } from '../../core/service/policy.js';
import { PREFIX, type Api, type ApiDeps } from '../deps.js';

interface Asset {
  type: string;
  bytes: Buffer;
  gzipped: Buffer;
}

const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Packages that the page imports by their names: what a browser does not know becomes files beside the page's own. */
const PACKAGES: Record<string, { file: string; from: () => string }> = {
  preact: { file: 'preact.js', from: () => import.meta.resolve('preact') },
  'preact/hooks': { file: 'hooks.js', from: () => import.meta.resolve('preact/hooks') },
  htm: { file: 'htm.js', from: () => import.meta.resolve('htm') },
  uplot: { file: 'uplot.js', from: () => import.meta.resolve('uplot/dist/uPlot.esm.js') },
};

const bareImports = (text: string): string =>
  text.replaceAll(
    /(\bfrom\s*|\bimport\(\s*)(['"])([a-z/]+)\2/g,
    (whole, before: string, quote: string, name: string) => {
      const own = PACKAGES[name];
      return own ? `${before}${quote}./${own.file}${quote}` : whole;
    },
  );

/** Nothing from elsewhere, nothing inline, nothing made of text. */
const POLICY_OF_CONTENT = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** Narrower than what the whole service sends, and also where an application around it sends none. */
const HEADERS = { 'content-security-policy': POLICY_OF_CONTENT, 'x-content-type-options': 'nosniff' };

/** The web page at `/` and what belongs to it, below no prefix and for everybody: data come from the API alone. */
export function pageRoutes(app: Api, deps: Pick<ApiDeps, 'temporalUi'>): void {
  const { page, assets, digest } = load(app.prefix.replace(/\/$/, ''), deps);
  const options = { config: { public: true } as object, schema: { hide: true } };
  app.get('/', options, (request, reply) => {
    void reply.headers({ ...HEADERS, 'cache-control': 'no-cache', etag: `"${digest}"` });
    return request.headers['if-none-match'] === `"${digest}"` ? reply.code(304).send() : send(request, reply, page);
  });
  // The digest of them all stands in the path: what is under it never changes, and a new version is asked for at once.
  app.get<{ Params: { digest: string; file: string } }>('/assets/:digest/:file', options, (request, reply) => {
    const asset = request.params.digest === digest ? assets.get(request.params.file) : undefined;
    if (!asset) return reply.callNotFound();
    void reply.headers({ ...HEADERS, 'cache-control': 'public, max-age=31536000, immutable' });
    return send(request, reply, asset);
  });
}

function send(request: FastifyRequest, reply: FastifyReply, { type, bytes, gzipped }: Asset): FastifyReply {
  void reply.headers({ 'content-type': type, vary: 'accept-encoding' });
  const small = /\bgzip\b/.test(String(request.headers['accept-encoding']));
  return small ? reply.header('content-encoding', 'gzip').send(gzipped) : reply.send(bytes);
}

/** All of it, a few hundred kilobytes, read once. */
function load(
  base: string,
  deps: Pick<ApiDeps, 'temporalUi'>,
): { page: Asset; assets: Map<string, Asset>; digest: string } {
  const folder = new URL('../page/', import.meta.url);
  const own = readdirSync(folder).filter((name) => /\.(js|css|svg)$/.test(name));
  const texts = new Map(own.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
  for (const { file, from } of Object.values(PACKAGES)) texts.set(file, readFileSync(fileURLToPath(from()), 'utf8'));
  texts.set('uplot.css', readFileSync(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css')), 'utf8'));
  texts.set('terms.js', terms(base, deps));
  const assets = new Map<string, Asset>();
  const hash = createHash('sha256');
  for (const [name, text] of [...texts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const ready = name.endsWith('.js') ? bareImports(text).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n') : text;
    hash.update(`${name}\0${ready}\0`);
    assets.set(name, assetOf(TYPES[name.split('.').at(-1)!]!, ready));
  }
  const shell = readFileSync(new URL('index.html', folder), 'utf8');
  const digest = hash.update(shell).digest('hex').slice(0, 16);
  // All modules at once, rather than one layer of imports after the other; plots only where there are any.
  const modules = [...assets.keys()].filter((name) => name.endsWith('.js') && name !== 'uplot.js');
  const preload = modules.map((name) => `<link rel="modulepreload" href="{{assets}}/${name}" />`).join('');
  const whole = shell.replace('{{preload}}', preload).replaceAll('{{assets}}', `${base}/assets/${digest}`);
  return { page: assetOf('text/html; charset=utf-8', whole), assets, digest };
}

function assetOf(type: string, text: string): Asset {
  const bytes = Buffer.from(text);
  return { type, bytes, gzipped: gzipSync(bytes, { level: 9 }) };
}

/** The tables of the core that the page needs too, as a module of its own: see `page/terms.d.ts`. */
function terms(base: string, { temporalUi = '' }: Pick<ApiDeps, 'temporalUi'>): string {
  const error = { code: '', message: '' };
  const kinds = ['step', 'undo', 'lease', 'return', 'terminated'] as const;
  const conflict = { resource: '', ours: '', theirs: '', before: '' };
  const REPAIRS = {
    ...Object.fromEntries(kinds.map((kind) => [kind, repairsOf({ id: '', kind, at: 0, error })])),
    conflict: repairsOf({ id: '', kind: 'undo', at: 0, error, conflict }),
  };
  const all = {
    PREFIX: `${base}${PREFIX}`,
    COMPONENT_TYPES,
    COMPONENT_STATUSES,
    REPORT_STATUSES,
    REVIEW_STATUSES,
    SIGN_OFF_ROLES,
    WORK_SUMMARY_MIN,
    REVIEW_COMMENTS_MIN,
    POLICY,
    REPAIRS,
    ACCEPTS: Object.fromEntries(Object.entries(LIFE).map(([status, { accepts }]) => [status, accepts])),
    // Only an address of the web may become a link.
    TEMPORAL_UI: /^https?:\/\//.test(temporalUi) ? temporalUi : '',
  };
  return Object.entries(all)
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
    .join('');
}
