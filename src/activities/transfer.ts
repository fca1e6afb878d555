import { deliveryOf } from '../core/document/carried-schema.js';
import { digestOf } from '../core/digest.js';
import { partyText } from '../core/request.js';
import { refOf, stillOpen, type Action, type ActionContext, type Deps } from './action.js';
import { boundary, failpoint, failpointSync } from '../faults/failpoint.js';
import { transferArtifacts } from './transfer-artifacts.js';

/**
 * Puts what is handed over in the target's place: `with.what` names `artifacts` (files and folders, below
 * `<root>/artifacts/phase_<N>/` or `agent_<name>/`) and `context` (the package's content, as a delivery; of an agent
 * handoff its document).
 */
export const transferAction = (deps: Deps): Action => ({
  name: 'transfer',
  interruptible: true,
  async run(context) {
    const what = context.task.with['what'];
    const wanted = Array.isArray(what) ? what : ['artifacts'];
    const facts: Record<string, unknown> = {};
    if (wanted.includes('context')) Object.assign(facts, await deliver(context, deps));
    if (wanted.includes('artifacts')) {
      const { source, target } = context.task.subject;
      Object.assign(
        facts,
        await transferArtifacts(context, deps, {
          artifacts: context.content.artifacts,
          source,
          target,
          specs: context.content.contract?.sends,
          leavesOut: true,
        }),
      );
    }
    return facts;
  },
});

async function deliver({ task, content, storage }: ActionContext, deps: Deps): Promise<Record<string, unknown>> {
  const { subject } = task;
  const began = (await storage.handoffs.find(subject.handoffId))?.createdAt;
  const delivered = deliveryOf(subject, content, began ?? 0);
  const digest = digestOf(delivered);
  const resource = `delivery:${subject.handoffId}`;
  const row = {
    handoff: subject.handoffId,
    session: subject.session,
    target: partyText(subject.target),
    content: JSON.stringify(delivered),
    digest,
    delivered_at: Date.now(),
  };
  await failpoint('transfer.before_delivery');
  await storage.ledger.intendAndApply(
    refOf(task),
    (trx) =>
      Promise.resolve([
        {
          effect: 'context',
          kind: 'delivery' as const,
          resource,
          data: { digest },
          act: async () => {
            const { handoff: _, ...update } = row;
            await trx
              .insertInto('deliveries')
              .values(row)
              .onConflict((c) => c.column('handoff').doUpdateSet(update))
              .execute();
            failpointSync('transfer.in_delivery');
            await boundary('step.acted', task.step);
            return { digest };
          },
        },
      ]),
    stillOpen(deps),
    [resource],
  );
  await failpoint('transfer.after_delivery');
  return { contextKeys: Object.keys(content.context).length, contextDigest: digest };
}
