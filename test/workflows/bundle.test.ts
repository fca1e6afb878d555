import { readFileSync } from 'node:fs';
import { WorkflowNotFoundError } from '@temporalio/client';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { BUNDLE_FILE } from '../../src/temporal/bundle.js';
import { HandoffClient } from '../../src/client.js';
import { connectClient } from '../../src/temporal/connect.js';

describe('what runs in the workflow sandbox', () => {
  let code = '';
  let modules: string[] = [];
  beforeAll(() => {
    code = readFileSync(BUNDLE_FILE, 'utf8');
    // Webpack writes each module's path above it, whether it stands alone or was joined with others.
    modules = [...code.matchAll(/^(?: *!\*\*\*|;\/\/) (\S+)/gm)].map((m) => m[1]!);
  });
  const ours = () => modules.filter((m) => !m.includes('node_modules') && !m.startsWith('__temporal'));

  test('of ours: the workflows, their messages, and the pure core', () => {
    expect(ours().filter((m) => m.endsWith('/workflows/handoff/workflow.js'))).toHaveLength(1);
    expect(ours().filter((m) => m.endsWith('/core/reducer.js'))).toHaveLength(1);
    expect(
      ours().filter((m) => !/\/(workflows\/.+|core\/(?:[a-z]+\/)?[a-z-]+|messages(?:\/[a-z]+)?)\.c?js$/.test(m)),
    ).toEqual([]);
  });

  test('no schema module and no module that hashes: they pull in zod and node:crypto', () => {
    expect(ours().filter((m) => /-schema\.js$|\/digest\.js$/.test(m))).toEqual([]);
  });

  test('of others: only what the SDK itself needs', () => {
    const packages = modules.flatMap((m) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(m)?.[1] ?? []);
    expect([...new Set(packages)].toSorted()).toEqual([
      '@temporalio/common',
      '@temporalio/workflow',
      'long',
      'ms',
      'nexus-rpc',
    ]);
  });

  test('nothing of Node, under any name', () => {
    expect(code).not.toMatch(/\brequire\(["'](node:|fs|path|crypto|os|child_process|worker_threads)/);
    expect(code).not.toMatch(/\bfrom\s+["']node:/);
    expect(code).not.toMatch(/!\*\*\* external /);
  });
});

// What happens to a run that somebody starts by hand with such a type: test/handoff/bare-client.test.ts.
describe('a type that every JavaScript object has', () => {
  test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty', 'default', 'repairHandoff'])(
    '%s is no procedure to our client, and nothing is started',
    async (procedure) => {
      const { client, connection } = await connectClient({ address: inject('address') });
      try {
        const handoff = new HandoffClient({ temporal: client, taskQueue: 'nobody' });
        const handoffId = `odd-${procedure.replaceAll('_', '')}`;
        const party = { source: { phase: 8 }, target: { phase: 13 } };
        await expect(handoff.start({ handoffId, procedure, ...party })).rejects.toMatchObject({
          code: 'INVALID_REQUEST',
          message: expect.stringContaining('/procedure: ') as string,
        });
        const handle = client.workflow.getHandle(`handoff/${handoffId}`);
        await expect(handle.describe()).rejects.toThrow(WorkflowNotFoundError);
      } finally {
        await connection.close();
      }
    },
  );
});
