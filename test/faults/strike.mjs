// Comes by failpoints in a process of its own, which they may kill; prints what each came to.
import process from 'node:process';
import { duringAttempt, boundary, failpoint, failpointSync } from '../../dist/faults/failpoint.js';

const { calls, abortAfterMs } = JSON.parse(process.argv[2]);
const attempt = new AbortController();
if (abortAfterMs !== undefined) setTimeout(() => attempt.abort(new Error('its time is over')), abortAfterMs);
const came = [];
for (const [name, step] of calls) {
  const began = performance.now();
  try {
    await duringAttempt(attempt.signal, async () => {
      if (name.endsWith('!')) failpointSync(name.slice(0, -1));
      else await (step === undefined ? failpoint(name) : boundary(name, step));
    });
    came.push({ ms: performance.now() - began });
  } catch (error) {
    came.push({ code: error.code, message: error.message, retryable: error.retryable, ms: performance.now() - began });
  }
}
process.stdout.write(JSON.stringify(came));
