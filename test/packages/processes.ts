import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** What a body needs of the built package; its root would load all of Temporal with it. */
const NEEDS = {
  openStorage: 'storage/storage',
  ContextManager: 'packages/context-manager',
  HandoffManager: 'packages/handoff-manager',
};

/** A process that opens the storage; `me` and `print` are what a body has. */
const script = (body: string): string => `
  ${Object.entries(NEEDS)
    .map(
      ([name, file]) =>
        `const { ${name} } = await import('${pathToFileURL(path.resolve('dist', `${file}.js`)).href}');`,
    )
    .join('\n')}
  const storage = await openStorage({ folder: process.argv[1] });
  const me = process.argv[2];
  const contexts = new ContextManager(storage);
  const manager = new HandoffManager(contexts, storage.packages);
  const print = (v) => console.log(JSON.stringify(v));
  // They start at the same moment, or one would be done before the next begins.
  while (Date.now() < Number(process.argv[3])) await new Promise((resolve) => setTimeout(resolve, 1));
  ${body}
  await storage.close();`;

/** Runs a body in several processes at once; what each printed. */
export async function inProcesses<T>(n: number, folder: string, body: string): Promise<T[]> {
  const at = String(Date.now() + 1500);
  const node = (i: number) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script(body), folder, String(i), at]);
  const out = await Promise.all(Array.from({ length: n }, (_, i) => node(i)));
  return out.map(({ stdout }) => JSON.parse(stdout) as T);
}

/** Runs a body in a process that dies at a failpoint; throws unless it did, and there. */
export async function dyingAt(point: string, folder: string, body: string): Promise<void> {
  const log = path.join(folder, `${point}.log`);
  const env = { ...process.env, HANDOFF_FAILPOINTS: point.replace('@', '=kill@'), HANDOFF_FAILPOINT_LOG: log };
  const args = ['--input-type=module', '-e', script(body), folder, '0', '0'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<string | null>((resolve) => child.once('close', (_, signal) => resolve(signal)));
  const [signal, stderr] = await Promise.all([ended, text(child.stderr)]);
  if (signal !== 'SIGKILL') throw new Error(`it did not die at ${point}: ${stderr}`);
  const fired = readFileSync(log, 'utf8');
  if (fired !== `${point.replace(/@.*/, '')}=kill\n`) throw new Error(`${point} did not fire once: ${fired}`);
}
