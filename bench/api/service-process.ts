import type { AddressInfo } from 'node:net';
import { createService, DEFAULT_SETTINGS, startEvents } from '../../src/api/index.js';
import { HandoffClient } from '../../src/client.js';
import { openStorage } from '../../src/storage/storage.js';
import { connectClient } from '../../src/temporal/connect.js';
import type { Place } from '../place.js';

/** The service, as `handoff serve` runs it, but for the limit on requests. */
async function serve({ address, folder, sources }: Place): Promise<void> {
  const settings = { ...DEFAULT_SETTINGS, rateLimitPerMinute: 0 };
  const storage = await openStorage({ folder, sources });
  const { client: temporal, connection } = await connectClient({ address, namespace: 'default' });
  const client = new HandoffClient({ temporal, storage, reports: settings });
  const app = await createService({ client, storage, settings, log: (line) => process.stderr.write(line) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const events = startEvents(storage, settings);
  process.once('disconnect', () => {
    void app
      .close()
      .then(events.stop)
      .then(() => connection.close())
      .then(() => storage.close());
  });
  process.send!((app.server.address() as AddressInfo).port);
}

await serve(JSON.parse(process.argv[2]!) as Place);
