// A service's deliverer in a process of its own, from what the build made, so that a kill -9 meets the real thing.
import process from 'node:process';
import { startWebhooks } from '../../dist/api/events/deliver.js';
import { openStorage } from '../../dist/storage/storage.js';

const { folder, timing } = JSON.parse(process.env.DELIVER);
startWebhooks(await openStorage({ folder }), { webhookAllowPrivate: true }, timing);
// Without a parent nobody would ever end it.
process.once('disconnect', () => process.exit(1));
