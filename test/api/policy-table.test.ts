import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { POLICY, ROLES, type Permission } from '../../src/core/service/policy.js';

const FILE = path.resolve(import.meta.dirname, '../../docs/api.md');
const MARKED = /<!-- policy -->\n([^]*)<!-- end -->/;

const words = (text: string): string => text.replaceAll('_', ' ');

function table(): string {
  const rows = Object.entries(POLICY).flatMap(([act, permissions]) =>
    (permissions as readonly Permission[]).map(({ roles, relation, states }, i) => {
      const who = roles.length === ROLES.length ? 'every key' : roles.join(', ');
      return `| ${i === 0 ? `\`${act}\`` : 'or'} | ${who} | ${words(relation ?? '')} | ${words(states?.join(', ') ?? '')} |`;
    }),
  );
  return ['', '| Act | Roles | And is | While it is |', '| --- | --- | --- | --- |', ...rows, '', ''].join('\n');
}

test('docs/api.md has the policy table as it is (HANDOFF_REFERENCE=1 writes it anew)', () => {
  const now = table();
  const written = readFileSync(FILE, 'utf8');
  if (process.env['HANDOFF_REFERENCE']) {
    writeFileSync(FILE, written.replace(MARKED, `<!-- policy -->\n${now}<!-- end -->`));
  }
  expect(MARKED.exec(readFileSync(FILE, 'utf8'))?.[1]).toBe(now);
});
