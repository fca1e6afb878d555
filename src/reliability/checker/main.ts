// The checker's process: forked with its folder and the root of arrivals. It ends when its parent does.
import { serveChecker } from './server.js';

process.once('disconnect', () => process.exit(0));
const [folder, root] = process.argv.slice(2) as [string, string];
await serveChecker(folder, root);
