import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '..', '..');

/** An empty project into which the packed package is installed as a user installs it. */
let project = '';
const inPackage = (...parts: string[]): string => path.join(project, 'node_modules', 'handoff', ...parts);

/** Nothing of this machine's Temporal, nor of the npm that runs the tests. */
function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(TEMPORAL_|npm_|NODE_OPTIONS|VITEST|NODE_ENV)/.test(name),
  );
  const server = { HANDOFF_TEMPORAL_PATH: inject('serverPath'), TEMPORAL_CONFIG_FILE: '/nonexistent' };
  return { ...Object.fromEntries(kept), ...server, ...more };
}

beforeAll(async () => {
  project = mkdtempSync(path.join(tmpdir(), 'handoff-consumer-'));
  writeFileSync(path.join(project, 'package.json'), '{"name":"consumer","private":true,"type":"module"}\n');
  // What stands in dist is packed: the tests build before they run.
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], { cwd: ROOT });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', `./${filename}`, ...quiet], { cwd: project, env: environment() });
}, 300_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the packed package, installed in an empty project', () => {
  test('has what runs, its types and its documents, and nothing of how it is made', () => {
    expect(readdirSync(inPackage()).toSorted()).toEqual(
      [
        'ARCHITECTURE.md',
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'bin',
        'dist',
        'docs',
        'examples',
        'package.json',
        'schema',
      ].toSorted(),
    );
    expect(readdirSync(inPackage('dist'))).toContain('workflow-bundle.js');
    expect(readdirSync(inPackage('docs'))).toEqual(expect.arrayContaining(['errors.md', 'upgrade.md']));
  });

  test('`handoff --help` runs from node_modules/.bin', async () => {
    const { stdout, stderr } = await run(path.join(project, 'node_modules', '.bin', 'handoff'), ['--help'], {
      cwd: project,
    });
    expect(stderr).toBe('');
    expect(stdout).toContain('Usage: handoff');
    expect(stdout).toMatch(/^ {2}worker /m);
  });

  test("the README's lines for a service run as they stand", { timeout: 120_000 }, async () => {
    const handoff = path.join(project, 'node_modules', '.bin', 'handoff');
    const dev = spawn(handoff, ['dev', '--json'], {
      cwd: project,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const { address } = JSON.parse(await firstLine(dev)) as { address: string };
      const env = environment({ TEMPORAL_ADDRESS: address });
      for (const agent of ['@code-architect', '@nodejs-specialist'])
        await run(handoff, ['agents', 'add', agent, '--heartbeat-seconds', '3600'], { cwd: project, env });
      mkdirSync(path.join(project, 'out'));
      cpSync(
        path.join(ROOT, 'examples', 'input', 'code-architecture.json'),
        path.join(project, 'out', 'code-architecture.json'),
      );
      writeFileSync(path.join(project, 'readme.mjs'), readmeLines());
      const { stdout } = await run(process.execPath, ['readme.mjs'], { cwd: project, env, timeout: 60_000 });
      expect(JSON.parse(stdout)).toEqual({ outcome: 'completed', undone: [] });
      const arrived = path.join(project, '.handoff', 'artifacts', 'phase_13', 'code-architecture.json');
      expect(readFileSync(arrived)).toEqual(readFileSync(path.join(project, 'out', 'code-architecture.json')));
    } finally {
      const gone = new Promise((resolve) => dev.once('exit', resolve));
      dev.kill('SIGTERM');
      await gone;
    }
  });
});

/**
 * The first block of TypeScript under "From a service". The other side is somebody else, later: where it begins, it is
 * waited for the offer; and the program ends.
 */
function readmeLines(): string {
  const readme = readFileSync(inPackage('README.md'), 'utf8');
  const block = /^## From a service$.*?^```ts$\n(.*?)^```$/ms.exec(readme)?.[1];
  const otherSide = '// On the other side:\n';
  if (!block || block.split(otherSide).length !== 2) throw new Error('the README has no such lines any more');
  const wait = `while ((await client.status(handoffId)).status !== 'awaiting_acceptance') await new Promise((r) => setTimeout(r, 50));\n`;
  const end = 'process.stdout.write(JSON.stringify({ outcome, undone }));\nprocess.exit(0);\n';
  return block.replace(otherSide, wait) + end;
}

async function firstLine(child: ChildProcess): Promise<string> {
  let [out, err] = ['', ''];
  child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
    child.once('exit', () => reject(new Error(`handoff dev ended before it was ready: ${out}${err}`)));
  });
}

/** All TypeScript of a page, as the parts of one program. */
function codeOf(page: string): string {
  const text = readFileSync(inPackage('docs', page), 'utf8');
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
  if (blocks.length < 2) throw new Error(`${page} has no such code any more`);
  const code = blocks.filter((block) => !block.includes("from './")).join('\n');
  return `import type { HandoffClient } from 'handoff';\ndeclare const client: HandoffClient;\n${code}`;
}

describe('its types', () => {
  test(
    'a strict program that uses all of it compiles, with no import but of the package itself',
    { timeout: 120_000 },
    async () => {
      const programs = ['consumer.ts', 'consumer-of-packages.ts'];
      for (const name of programs) cpSync(path.join(import.meta.dirname, name), path.join(project, name));
      const pages = ['agent-documents', 'context', 'packages'];
      for (const page of pages) writeFileSync(path.join(project, `${page}.ts`), codeOf(`${page}.md`));
      mkdirSync(path.join(project, 'node_modules', '@types'), { recursive: true });
      rmSync(path.join(project, 'node_modules', '@types', 'node'), { recursive: true, force: true });
      symlinkSync(
        path.join(ROOT, 'node_modules', '@types', 'node'),
        path.join(project, 'node_modules', '@types', 'node'),
      );
      const compilerOptions = {
        target: 'es2022',
        module: 'nodenext',
        moduleResolution: 'nodenext',
        lib: ['es2023'],
        types: ['node'],
        strict: true,
        outDir: 'compiled',
        skipLibCheck: false,
      };
      writeFileSync(
        path.join(project, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: [...programs, ...pages.map((p) => `${p}.ts`), 'faulty.ts'] }),
      );
      // It must find this one, and so it has looked.
      writeFileSync(
        path.join(project, 'faulty.ts'),
        `import { ERRORS } from 'handoff';\nexport const n: number = ERRORS;\n`,
      );
      const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
      const said = await run(process.execPath, [tsc, '-p', 'tsconfig.json', '--pretty', 'false'], {
        cwd: project,
      }).then(
        ({ stdout }) => stdout,
        (error: { stdout: string }) => error.stdout,
      );
      // Other packages' declarations have faults of their own.
      const ours = said.split('\n').filter((line) => /^([\w-]+\.ts|node_modules\/handoff\/|error)/.test(line));
      expect(ours).toEqual([expect.stringMatching(/^faulty\.ts\(2,14\): error TS2322/)]);
      const { stdout } = await run(process.execPath, ['compiled/consumer-of-packages.js'], { cwd: project });
      const taken = ['s goes on at analysis', 'Failed to receive handoff: Handoff package not found'];
      expect(JSON.parse(stdout)).toEqual([
        taken,
        taken,
        ['# Agent Handoff: any-other → code-reviewer', 'pending', 'AGENT_HANDOFF_STANDARD', '1 1'],
      ]);
    },
  );

  test('no declaration says `any`', () => {
    const files = readdirSync(inPackage('dist'), { recursive: true, encoding: 'utf8' }).filter((f) =>
      f.endsWith('.d.ts'),
    );
    expect(files.length).toBeGreaterThan(50);
    const said = files.flatMap((file) =>
      readFileSync(inPackage('dist', file), 'utf8')
        .replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, '')
        .split('\n')
        .filter((line) => /(:|<|\||&|=>|extends|,)\s*any\b(?!['"])/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(said).toEqual([]);
  });
});

test('handoff/testing runs in another runner, and the schema is there to import', async () => {
  writeFileSync(
    path.join(project, 'storage.test.mjs'),
    `import { test } from 'node:test';
import { FileHandoffStorage } from 'handoff';
import { handoffStorageSuite } from 'handoff/testing';
import schema from 'handoff/schema/handoff-package.json' with { type: 'json' };
let count = 0;
handoffStorageSuite({ test, create: () => new FileHandoffStorage(\`stored/\${++count}\`) });
test(schema.title, () => {});
`,
  );
  const { stdout } = await run(process.execPath, ['--test', 'storage.test.mjs'], { cwd: project, env: environment() });
  expect(stdout).toContain('Handoff package 1.0.0');
  expect(stdout).toMatch(/^. fail 0$/m);
});

describe('handoff/messages', () => {
  test('loads neither our workflow code nor anything native, nor zod, storage, worker or client', async () => {
    const log = path.join(project, 'loaded.log');
    writeFileSync(
      path.join(project, 'hooks.mjs'),
      `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(${JSON.stringify(log)}, url + '\\n'); return next(url, context); }`,
    );
    writeFileSync(
      path.join(project, 'load.mjs'),
      `import { register, createRequire } from 'node:module';
register('./hooks.mjs', import.meta.url);
const { pauseSignal, acceptUpdate, statusQuery } = await import(process.argv[2]);
const cached = Object.keys(createRequire(import.meta.url).cache);
process.stdout.write(JSON.stringify({ cached, names: [pauseSignal?.name, acceptUpdate?.name, statusQuery?.name] }));`,
    );
    const loadedBy = async (what: string): Promise<{ names: string[]; loaded: string[] }> => {
      writeFileSync(log, '');
      const { stdout } = await run(process.execPath, ['load.mjs', what], { cwd: project });
      const { cached, names } = JSON.parse(stdout) as { cached: string[]; names: string[] };
      return { names, loaded: [...readFileSync(log, 'utf8').split('\n').filter(Boolean), ...cached] };
    };
    const unwanted = (loaded: string[]): string[] =>
      loaded.filter((m) =>
        /handoff\/dist\/(workflows|activities|storage|client|worker|temporal|cli|index)|\/(zod|libsql|kysely)\/|@temporalio\/(worker|core-bridge|client|activity|testing)\/|\.node$|webpack/.test(
          m,
        ),
      );
    const alone = await loadedBy('handoff/messages');
    expect(alone.names).toEqual(['pause', 'accept', 'status']);
    expect(alone.loaded.filter((m) => m.endsWith('handoff/dist/messages.js'))).toHaveLength(1);
    expect(unwanted(alone.loaded)).toEqual([]);
    // The whole package shows that the list would tell.
    expect(unwanted((await loadedBy('handoff')).loaded).length).toBeGreaterThan(20);
  });
});
