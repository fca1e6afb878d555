import type { Command } from 'commander';
import { DEFAULT_TASK_QUEUE } from '../../core/request.js';
import { number } from '../number.js';
import { connectTo } from '../place.js';
import { safe } from '../text/text.js';
import { verb } from '../verb.js';

export function setupVerb(program: Command): void {
  verb<{ reconcileSeconds?: number }>(
    program,
    'setup',
    {
      summary: 'prepare a namespace: search attributes, and the schedule that finds terminated runs',
      details:
        'Prepares a namespace of a Temporal cluster. What is there already is left as it is, so that it may be run again.\nA worker does the same when it starts; this is for clients that come before it, and for who may.',
      examples: ['setup --namespace shop', 'setup --address temporal.example:7233 --namespace shop --json'],
      options: [['--reconcile-seconds <n>', 'between two looks for terminated runs (default: 60)', number(1)]],
      needs: ['folder', 'server'],
      exits: true,
    },
    async ({ options }) => {
      const [{ connectClient }, { ensureSearchAttributes }, { ensureReconcileSchedule, reconcileScheduleId }] =
        await Promise.all([
          import('../../temporal/connect.js'),
          import('../../temporal/search-attributes.js'),
          import('../../temporal/reconcile-schedule.js'),
        ]);
      const { client, connection, namespace } = await connectClient(await connectTo(options));
      try {
        const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
        const searchAttributes = await ensureSearchAttributes(connection, namespace);
        const made = await ensureReconcileSchedule(client, taskQueue, options.reconcileSeconds ?? 60);
        const schedule = reconcileScheduleId(taskQueue);
        const did = [
          ...(searchAttributes.length > 0 ? [`Added the search attributes ${searchAttributes.join(', ')}.`] : []),
          ...(made ? [`Made the schedule ${schedule}.`] : []),
        ];
        const nothing = `Nothing to do: namespace ${namespace} is prepared for task queue ${taskQueue}.`;
        return {
          json: { namespace, taskQueue, searchAttributes, schedule: made ? schedule : null },
          text: safe(did.join('\n') || nothing),
        };
      } finally {
        await connection.close();
      }
    },
  );
}
