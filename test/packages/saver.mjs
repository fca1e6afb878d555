// One process of processes.test.ts: saves, loads, lists and deletes the same few packages until it is killed or told to stop.
import { FileHandoffStorage } from '../../dist/storage/packages/file-storage.js';
import { packageFault, sealPackage } from '../../dist/storage/packages/seal.js';

const [folder, who, rounds = '1000000', size = '20000'] = process.argv.slice(2);
const storage = new FileHandoffStorage(folder, { compressOver: Number(size) / 2 });
const text = (n) => `"${who}-${'abcdefgh'.repeat((Number(size) * (n % 3)) / 16)}"`;

const make = (id, n) =>
  sealPackage({
    id,
    sessionId: 'shop',
    cloneId: who,
    createdAt: new Date(n),
    sourcePhase: 'a',
    targetPhase: 'b',
    context: { entries: [{ key: 'k', value: text(n), metadata: { source: who, tags: [] } }] },
    checkpoint: { phase: 'a', step: n, totalSteps: n, status: 'paused', resumePoint: `${n}` },
    metadata: { version: '1.0.0', pipelineVersion: '1', createdBy: who, reason: 'r' },
  });

const damaged = [];
for (let n = 1; n <= Number(rounds); n++) {
  const id = `hof-${n % 5}`;
  await storage.save(make(id, n));
  process.stdout.write(`${id} ${n}\n`);
  if (who === 'killed') continue;
  const one = await storage.load(`hof-${(n + 2) % 5}`);
  if (one && packageFault(one)) damaged.push(one.id);
  if (n % 7 === 0) for await (const { error } of storage.inspect()) if (error) damaged.push(error.message);
  if (n % 11 === 0) await storage.delete(`hof-${(n + 1) % 5}`);
}
process.stdout.write(`damaged ${JSON.stringify(damaged)}\n`);
