import { spawn } from 'node:child_process';

/** Sends a signal to a process group, that is to a program and what it started; a group that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    // Windows has no groups; there a signal to the process is all there is.
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

// It reads a pipe that only our process holds open, so `read` returns the moment we end, however we end: no polling,
// and no process id of ours that another process may get later.
const WATCHDOG = `
read -r _
kill -s TERM -- "-$1" 2>/dev/null
n=0
while [ $n -lt 25 ] && kill -s 0 -- "-$1" 2>/dev/null; do sleep 0.2; n=$((n + 1)); done
kill -s KILL -- "-$1" 2>/dev/null
`;

/**
 * Ends the process group `pid` when our process ends, even by kill -9: SIGTERM, and SIGKILL after 5 s.
 * The watchdog is a shell in a session of its own, so that a Ctrl-C in our terminal does not end it first.
 *
 * @returns takes the watch back; call it when the group is gone, before its number can be another's
 */
export function endWithUs(pid: number): () => void {
  const onExit = () => signalGroup(pid, 'SIGTERM');
  process.once('exit', onExit);
  if (process.platform === 'win32') return () => process.off('exit', onExit);

  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'handoff-watchdog', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell the exit handler is what remains.
  watchdog.on('error', () => {});
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();
  return () => {
    process.off('exit', onExit);
    watchdog.kill('SIGKILL');
  };
}
