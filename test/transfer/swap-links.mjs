// Swaps a folder or file for a link that leads outside, and back, as fast as it can. Says how often when it is ended.
import { renameSync } from 'node:fs';
import process from 'node:process';

const [at, link, aside] = process.argv.slice(2);
let swaps = 0;
process.on('message', () => {
  process.send(swaps);
  process.disconnect();
  process.exit(0);
});
const turn = () => {
  for (let n = 0; n < 50; n++) {
    renameSync(at, aside);
    renameSync(link, at);
    swaps++;
    renameSync(at, link);
    renameSync(aside, at);
  }
  setImmediate(turn);
};
turn();
