// A program that starts a stack, to be killed; one of its workers it stops.
import process from 'node:process';
import { startStack } from '../../dist/reliability/stack-start.js';

const stack = await startStack({ workers: 2, address: process.argv[2], folder: process.argv[3] });
stack.workers[0].stop();
process.send({ pids: stack.workers.map((w) => w.pid) });
setInterval(() => {}, 1000);
