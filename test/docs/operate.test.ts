import { inject, describe, expect, test } from 'vitest';
import { faultOf } from '../../src/core/message.js';
import { connectClient } from '../../src/temporal/connect.js';
import { proseOf } from './pages.js';
import type { MessageName } from '../../src/core/handoff.js';

const page = proseOf('docs/operate.md');

/** A message, and the name that stands before it: in its own cell, or in the head of its column. */
const MESSAGES = page
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .flatMap((line) =>
    [...line.matchAll(/(?:`(\w+)` )?`(\{"by".*?\})`(?= \||$)/g)].map(
      (m) => [m[1] ?? 'resolveIncident', m[2]!] as const,
    ),
  );

const QUERIES = [...page.matchAll(/^\| [^|]+ \| `((?:Handoff|Execution)\w+ [^`]+)` \|$/gm)].map((m) => m[1]!);

describe('docs/operate.md', () => {
  test('is read as meant', () => {
    expect(new Set(MESSAGES.map(([name]) => name))).toEqual(
      new Set(['retryStep', 'skipStep', 'resolveIncident', 'rollback', 'resume']),
    );
    expect(MESSAGES.length).toBeGreaterThan(9);
    expect(QUERIES).toHaveLength(6);
  });

  test.each(MESSAGES)('what it tells to send is a whole message: %s %s', (name, json) => {
    expect(faultOf(name as MessageName, JSON.parse(json))).toBeUndefined();
  });

  test.each(QUERIES)('the server takes the query %s', async (query) => {
    const { client, connection } = await connectClient({ address: inject('address') });
    try {
      expect((await client.workflow.count(query)).count).toBeGreaterThanOrEqual(0);
    } finally {
      await connection.close();
    }
  });

  test('its link opens its first query', () => {
    const link = /^\[needs\]: (\S+)$/m.exec(page)![1]!;
    expect(new URL(link).searchParams.get('query')).toBe(QUERIES[0]);
  });
});
