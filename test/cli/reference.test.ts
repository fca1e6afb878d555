import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { program } from '../../src/cli/program.js';
import { helpOf, leavesOf, nameOf } from './tree.js';

// The reference is what `--help` says. After a change: `HANDOFF_REFERENCE=1 npx vitest run test/cli/reference.test.ts`.
const FILE = path.resolve(import.meta.dirname, '..', '..', 'docs', 'cli.md');

const HEAD = `# The command line

What \`handoff VERB --help\` says, for every verb. Install \`handoff completion\` to have Tab know them too.

## Exit codes

| Code | Meaning |
| --- | --- |
| 0 | ok; for \`run\` and \`result\`: the handoff completed |
| 1 | it failed, or the handoff did not complete |
| 2 | wrong usage or bad input: nothing was done |
| 3 | nobody answers: no server (\`TEMPORAL_UNREACHABLE\`), no worker (\`NO_WORKER\`), or not in time (\`DEADLINE_EXCEEDED\`) |

An error is one line on stderr, \`error CODE: text\`; with \`--json\` it is \`{"error": {"code", "message", "params"}}\` on
stdout. [Every code](errors.md) is documented. With \`--json\` a verb prints one value and nothing else on stdout.

## The terminal

Tables are as wide as the terminal, and shorten what does not fit; to a pipe or a file they are written in full. Colours
are for terminals only; \`NO_COLOR\` and \`TERM=dumb\` turn them off, \`FORCE_COLOR=1\` on, \`FORCE_COLOR=0\` off.
`;

const anchor = (c: Command): string => `handoff-${nameOf(c).replaceAll(' ', '-')}`;

function reference(tree: Command): string {
  const leaves = leavesOf(tree);
  const rows = leaves.map((c) => `| [\`${nameOf(c)}\`](#${anchor(c)}) | ${c.summary()} |`);
  const sections = leaves.map((c) => `## handoff ${nameOf(c)}\n\n\`\`\`text\n${helpOf(c).trim()}\n\`\`\`\n`);
  return [HEAD, `## Verbs\n\n| Verb | |\n| --- | --- |\n${rows.join('\n')}\n`, ...sections].join('\n');
}

test('docs/cli.md says what --help says', () => {
  const now = reference(program());
  if (process.env['HANDOFF_REFERENCE']) writeFileSync(FILE, now);
  const written = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '';
  expect(written, 'write it anew: HANDOFF_REFERENCE=1 npx vitest run test/cli/reference.test.ts').toBe(now);
});
