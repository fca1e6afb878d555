import { failureOf, type ExitCode } from './failure.js';
import { paintFor, safe, type Paint } from './text/text.js';

/** What a verb answers: `text` for people, `json` for programs. */
export interface Answer {
  json: unknown;
  text: string;
  exitCode?: ExitCode;
}

/** Where a verb speaks. With `--json` stdout gets the one value and nothing else. */
export interface Io {
  json: boolean;
  /** Colours for what `say` prints. */
  paint: Paint;
  /** Prints a line while the verb is at work: on stdout, with `--json` on stderr. */
  say: (line: string) => void;
  /** Prints a line that is about the work rather than of it, on stderr. */
  note: (line: string) => void;
}

export function openIo(json: boolean): Io {
  const stream = json ? process.stderr : process.stdout;
  return {
    json,
    paint: paintFor(stream),
    say: (line) => void stream.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** A verb that has said its one value before, because it then stayed, answers with none. */
export function answer(io: Io, { json, text }: Answer): void {
  if (io.json && json === undefined) return;
  if (io.json) process.stdout.write(`${JSON.stringify(json)}\n`);
  else if (text) process.stdout.write(`${text}\n`);
}

/** An error in one line and its code; as JSON on stdout, because it is then the answer. */
export function complain(json: boolean, error: unknown): ExitCode {
  const { code, message, params, exitCode } = failureOf(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, params } })}\n`);
  else process.stderr.write(`${paintFor(process.stderr).red('error')} ${code}: ${safe(message)}\n`);
  return exitCode;
}

/** A reader that went away, as `| head` does, ends us without a word. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(0);
      throw error;
    });
  }
}
