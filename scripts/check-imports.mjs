// Holds "who may import whom" (ARCHITECTURE.md). The table is closed: what a layer may not import, it cannot reach
// through another layer either. Lint cannot say this: its patterns see the specifier, not the file it leads to.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'oxc-parser';

const pure = ['@noble/hashes', 'yaml'];
const temporal = (...names) => names.map((name) => `@temporalio/${name}`);
const sandbox = [...pure, ...temporal('workflow', 'common')];
const core = ['core', 'schema', 'digest'];
const facade = [
  ...core,
  'storage',
  'packages',
  'coordination',
  'contracts',
  'rules',
  'plan',
  'metrics',
  'messages',
  'client',
];
const assembly = [...facade, 'faults', 'activities', 'temporal', 'worker', 'index'];

/**
 * The first layer whose `files` fit (paths under src) counts. It may import itself and `ours`; from `types`, by
 * `import type` only. `only` lists all packages it may use; without it any will do, of Temporal's those in `sdk`.
 */
const rules = {
  schema: { files: /^core\/.*-schema\.ts$/, ours: core, types: [], only: [...pure, 'zod'] },
  digest: { files: /^core\/digest\.ts$/, ours: ['core'], types: [], only: [...pure, 'node:crypto'] },
  core: { files: /^core\//, ours: [], types: ['schema', 'digest'], only: pure },
  messages: { files: /^messages(\.ts|\/)/, ours: ['core'], types: ['schema'], only: sandbox },
  workflows: { files: /^workflows\//, ours: ['core', 'messages'], types: ['schema', 'activities'], only: sandbox },
  activities: {
    files: /^activities\//,
    ours: [...core, 'faults', 'storage', 'packages', 'coordination', 'contracts', 'rules'],
    types: [],
    sdk: temporal('activity', 'client', 'common'),
  },
  // Named places at which a test can strike this process.
  faults: { files: /^faults\//, ours: core, types: [], sdk: [] },
  // What agents pass to each other, usable without a server; and packages, over storage alone.
  coordination: { files: /^coordination\//, ours: core, types: [], sdk: [] },
  packages: { files: /^packages\//, ours: [...core, 'storage'], types: [], sdk: [] },
  // Checks and dry runs only look: from here no action, workflow or client can be reached.
  contracts: { files: /^contracts\//, ours: [...core, 'storage'], types: [], sdk: [] },
  rules: { files: /^rules\//, ours: [...core, 'storage', 'contracts'], types: [], sdk: [] },
  plan: {
    files: /^plan\//,
    ours: [...core, 'storage', 'contracts', 'rules'],
    types: [],
    only: ['node:fs/promises', 'node:path'],
  },
  storage: { files: /^storage\//, ours: [...core, 'faults'], types: [], sdk: [] },
  // Numbers about what happened, from the database alone.
  metrics: { files: /^metrics\//, ours: [...core, 'storage'], types: [], sdk: [] },
  testing: { files: /^testing\.ts$/, ours: [...core, 'storage'], types: [], only: ['node:assert/strict'] },
  client: { files: /^client(\.ts|\/)/, ours: facade, types: [], sdk: temporal('client', 'common') },
  api: { files: /^api\//, ours: facade, types: [], sdk: temporal('client', 'common') },
  index: { files: /^index\.ts$/, ours: [...facade, 'temporal', 'worker'], types: ['activities'], sdk: [] },
  temporal: { files: /^temporal\//, ours: [...facade, 'activities'], types: ['workflows'], sdk: ['@temporalio'] },
  worker: { files: /^worker(\.ts|\/)/, ours: assembly, types: ['workflows'], sdk: ['@temporalio'] },
  // Puts a whole stack together, and breaks it.
  reliability: { files: /^reliability\//, ours: assembly, types: ['workflows'], sdk: ['@temporalio'] },
  cli: { files: /^cli\//, ours: [...assembly, 'api', 'reliability'], types: ['workflows'], sdk: ['@temporalio'] },
};
const layerOf = (file) => Object.keys(rules).find((name) => rules[name].files.test(file));

/** Every import of a file. `import { type A }` is no type import: the module still runs. */
function importsOf(file, text) {
  const { module: record, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const again = record.staticExports.flatMap((e) => e.entries.map((entry) => ({ ...entry, start: e.start })));
  return [...record.staticImports, ...again, ...record.dynamicImports].flatMap(({ start, moduleRequest: at }) => {
    const types = /^(import|export)\s+type\b/.test(text.slice(start));
    return at ? [{ specifier: text.slice(at.start + 1, at.end - 1), start, types }] : [];
  });
}

function complaint(file, layer, { specifier, types }) {
  const rule = rules[layer];
  if (!specifier.startsWith('.')) {
    if (!rule.only && !specifier.startsWith('@temporalio/')) return undefined;
    const allowed = rule.only ?? rule.sdk;
    if (allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`))) return undefined;
    return `${layer} may use ${rule.only ? 'only' : 'of Temporal only'} ${allowed.join(', ') || 'nothing'}`;
  }
  const to = layerOf(path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '.ts')) ?? 'outside src';
  if (to === layer || rule.ours.includes(to) || (types && rule.types.includes(to))) return undefined;
  if (rule.types.includes(to)) return `${layer} may import ${to} only by \`import type\``;
  return `${layer} may import ${[...new Set([layer, ...rule.ours])].join(', ')}; this is ${to}`;
}

const src = path.resolve(process.argv[2] ?? 'src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const complaints = files.toSorted().flatMap((name) => {
  const file = name.split(path.sep).join('/');
  const layer = layerOf(file);
  if (!layer) return [`src/${file}: belongs to no layer; name it in scripts/check-imports.mjs`];
  const text = readFileSync(path.join(src, file), 'utf8');
  return importsOf(file, text).flatMap((one) => {
    const why = complaint(file, layer, one);
    return why ? [`src/${file}:${text.slice(0, one.start).split('\n').length}: '${one.specifier}': ${why}`] : [];
  });
});
for (const line of complaints) console.error(line);
console.log(`imports: ${files.length} files, ${complaints.length} imports against the rules`);
process.exitCode = complaints.length > 0 ? 1 : 0;
