import { writeSync } from 'node:fs';
import { textWidth } from '../text/width.js';

/** A terminal that is ours as a whole for a while. */
export interface Screen {
  /** Shows these lines; what stood there before is gone. Only lines that differ are written. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

// The alternate screen, no cursor, no wrapping; and back.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
// A terminal that knows these shows what is between them at once.
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';

/** Whether a whole screen can be had: a terminal that moves its cursor. */
export const hasScreen = (): boolean => Boolean(process.stdout.isTTY) && process.env['TERM'] !== 'dumb';

/**
 * Takes the terminal over. It is given back by `close`, and however the process ends but by SIGKILL; Ctrl-Z gives it
 * back until the process goes on. Keys come one by one, Ctrl-C among them.
 */
export function openScreen(on: { key: (key: string) => void; resize: () => void }): Screen {
  const { stdin, stdout } = process;
  let shown: readonly string[] = [];
  let open = false;
  const enter = (): void => {
    if (open) return;
    open = true;
    shown = [];
    if (stdin.isTTY) stdin.setRawMode(true).resume();
    stdout.write(ENTER);
  };
  const leave = (): void => {
    if (!open) return;
    open = false;
    if (stdin.isTTY) stdin.setRawMode(false).pause();
    // At the end of a process only what is written at once is written.
    writeSync(stdout.fd, LEAVE);
  };
  const suspend = (): void => {
    leave();
    process.kill(process.pid, 'SIGSTOP');
  };
  const goOn = (): void => {
    enter();
    on.resize();
  };
  const resize = (): void => {
    shown = [];
    if (open) stdout.write('\u001b[2J');
    on.resize();
  };
  const read = (chunk: Buffer): void => {
    const keys = chunk.toString();
    if (keys === '\u001a') suspend();
    else on.key(keys);
  };
  process.on('exit', leave).on('SIGTSTP', suspend).on('SIGCONT', goOn);
  // Before whoever says what went wrong says it.
  process.prependListener('uncaughtException', leave).prependListener('unhandledRejection', leave);
  stdout.on('resize', resize);
  stdin.on('data', read);
  enter();
  return {
    draw(lines) {
      if (!open) return;
      // Past a line that is full, clearing the rest would clear its last character.
      const whole = (line: string): string => `${line}\u001b[0m${textWidth(line) < stdout.columns ? '\u001b[K' : ''}`;
      const changed = lines.map((line, i) => (line === shown[i] ? '' : `\u001b[${i + 1};1H${whole(line)}`));
      const rest = lines.length < shown.length ? `\u001b[${lines.length + 1};1H\u001b[J` : '';
      shown = [...lines];
      const all = changed.join('') + rest;
      if (all) stdout.write(BEGIN + all + END);
    },
    close() {
      process.off('exit', leave).off('SIGTSTP', suspend).off('SIGCONT', goOn);
      process.off('uncaughtException', leave).off('unhandledRejection', leave);
      stdout.off('resize', resize);
      stdin.off('data', read);
      leave();
    },
  };
}
