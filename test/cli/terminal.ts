import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
/** Makes a terminal for what it runs. */
const MAKER = 'script';
const BIN = path.join(ROOT, 'bin', 'handoff.js');

/** Why there is no terminal to be had for a test; undefined where util-linux's `script` makes one. */
export function noTerminal(): string | undefined {
  try {
    return execFileSync(MAKER, ['--version'], { encoding: 'utf8' }).includes('util-linux')
      ? undefined
      : "no terminal for a test: this `script` is not util-linux's";
  } catch {
    return 'no terminal for a test: there is no `script` on PATH';
  }
}

/** A terminal of 100 × 12 in which `handoff …` runs, and after it `stty -a`, which tells how it was left. */
export function inTerminal(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): {
  output: () => string;
  type: (keys: string) => void;
  says: (text: string, ms?: number) => Promise<void>;
  ended: Promise<string>;
} {
  const quoted = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
  const command = `stty cols 100 rows 12; ${quoted}; echo "code $?"; stty -a`;
  const child = spawn(MAKER, ['-qfec', command, '/dev/null'], {
    cwd: ROOT,
    env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh', NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(output)));
  const says = async (text: string, ms = 20_000): Promise<void> => {
    for (const deadline = Date.now() + ms; !output.includes(text); await sleep(20)) {
      if (Date.now() > deadline) throw new Error(`never said "${text}":\n${JSON.stringify(output)}`);
    }
  };
  return { output: () => output, type: (keys) => void child.stdin.write(keys), says, ended };
}
