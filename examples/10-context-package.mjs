// A context, packed in one phase and restored in another, with a conflict. No server is needed:
// node examples/10-context-package.mjs [DATA_FOLDER]
//
// The analysis leaves notes, of which a package carries all but the secret ones. Before it is taken up, somebody changes
// one of them: with `fail` nothing is restored, with `keep-existing` the change stays, and the result says so.
import { ContextManager, HandoffManager, openStorage } from 'handoff';

const storage = await openStorage({ folder: process.argv[2] ?? '.handoff' });
const contexts = new ContextManager(storage);
const manager = new HandoffManager(contexts, storage.packages);

const context = await contexts.createContext(`catalogue-${Date.now()}`);
const source = '@analyst';
await context.set('analysis/pages', 214, { source, tags: ['final'] });
await context.set('analysis/language', 'de', { source, tags: ['draft'] });
await context.set('login', { user: 'shop' }, { source, tags: ['secret'] });
// However many write at once, in however many processes, no one is lost.
await Promise.all(['home', 'basket'].map((page) => context.update('read', (all = []) => [...all, page], { source })));

const handoff = await manager.createHandoff(context.sessionId, {
  cloneId: 'shop',
  sourcePhase: 'analysis',
  targetPhase: 'synthesis',
  checkpoint: { step: 3, totalSteps: 5, resumePoint: 'analysis:3' },
  excludeTags: ['secret'],
  expiresInMinutes: 60,
});
console.log(`packed: ${handoff.context.entries.map((entry) => entry.key).join(', ')}`);

// Meanwhile, in the session from which it came.
await context.set('analysis/language', 'en', { source: '@editor' });
await context.delete('analysis/pages');

const refused = await manager.receiveHandoff(handoff.id, { merge: 'fail' });
console.log(`fail: ${refused.code}, entries: ${(await context.findByPattern('*')).length}`);

const received = await manager.receiveHandoff(handoff.id, { merge: 'keep-existing' });
const [conflict] = received.conflicts;
console.log(`keep-existing: ${conflict.key} stays the ${conflict.decision} one, restored: ${received.restored}`);
for (const { key, value, metadata } of await context.findByPattern('{analysis/*,read}'))
  console.log(`${key} = ${JSON.stringify(value)} by ${metadata.source}`);
console.log(`it goes on at ${received.resumePoint}`);

const later = new Date(Date.now() + 61 * 60_000);
console.log(`an hour later: ${(await manager.receiveHandoff(handoff.id, { now: later })).error}`);

await storage.close();
