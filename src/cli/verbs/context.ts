import type { Command } from 'commander';
import { HandoffError } from '../../core/errors.js';
import { globMatcher } from '../../core/context/glob.js';
import type { ContextEntry } from '../../storage/context.js';
import { number } from '../number.js';
import { userName, withStorage } from '../place.js';
import { ago, bytes, safe, table } from '../text/text.js';
import { many, verb } from '../verb.js';

/** Characters of a value in the list. */
const SHOWN = 200;

export function contextVerbs(program: Command): void {
  const group = program.command('context').description('the context entries of sessions');
  group.addHelpText('after', `\nExample:\n  $ handoff context set blog api_structure '"rest"'`);
  verb(
    group,
    'list <session> [pattern]',
    {
      summary: 'its entries, who wrote them, and when',
      details:
        'The entries of a session whose keys fit a pattern, or all: * is any text, ? one character, [a-c] one of these,\n{a,b} one of these patterns.',
      examples: ['context list blog', `context list blog 'plan/*'`],
      needs: ['folder'],
    },
    ({ args: [session = '', pattern = '*'], options, io }) =>
      withStorage(options, 'read', async ({ sessions }) => {
        const fits = globMatcher(pattern);
        const all = await sessions.context(session);
        const found = all.filter((e) => fits(e.key));
        const rows = found.map((e) => [
          e.key,
          e.version,
          bytes(Buffer.byteLength(e.value)),
          e.source,
          e.tags.join(', '),
          ago(e.updatedAt),
          e.value.length > SHOWN ? `${e.value.slice(0, SHOWN)}…` : e.value,
        ]);
        const empty =
          all.length > 0 ? `Nothing in session ${session} fits ${pattern}.` : `Session ${session} has no context.`;
        const head = ['KEY', 'VERSION', 'SIZE', 'SOURCE', 'TAGS', 'CHANGED', 'VALUE'];
        return { json: found.map(parsed), text: table(io.paint, head, rows, safe(empty)) };
      }),
  );
  verb(
    group,
    'get <session> <key>',
    {
      summary: 'the value of one entry, as JSON',
      examples: ['context get blog api_structure'],
      exitCodes: { failed: 'there is no such entry' },
      needs: ['folder'],
    },
    ({ args: [session = '', key = ''], options }) =>
      withStorage(options, 'read', async ({ sessions }) => {
        const entry = await sessions.entry(session, key);
        if (!entry) return { json: null, text: safe(`Session ${session} has no entry ${key}.`), exitCode: 1 };
        return { json: parsed(entry), text: safe(JSON.stringify(JSON.parse(entry.value), null, 2)) };
      }),
  );
  verb<{ by?: string; ifVersion?: number; file?: string; tag?: string[] }>(
    group,
    'set <session> <key> [value]',
    {
      summary: 'set one entry: JSON, or a text',
      details: 'Sets one entry of a session. A value that is no JSON is taken as a text.',
      examples: [
        `context set blog api_structure '"rest"'`,
        'context set blog design --file examples/input/contract.json --tag v1',
      ],
      options: [
        ['--file <file>', 'the value from a JSON or YAML file'],
        ['--tag <tag>', 'a tag (repeatable; default: those that it has)', many],
        ['--if-version <n>', 'only if it is still at this version (0: absent)', number(0, { whole: true })],
        ['--by <name>', 'who says so (default: your user name)'],
      ],
      needs: ['folder'],
    },
    async ({ args: [session = '', key = '', value], options }) => {
      const { file, ifVersion, tag: tags, by = userName() } = options;
      if ((file === undefined) === (value === undefined)) {
        throw new HandoffError('INVALID_REQUEST', { issues: 'give a value or --file, and not both' });
      }
      const given = file === undefined ? jsonOrText(value!) : await (await import('../input.js')).readDocument(file);
      return withStorage(options, 'write', async ({ sessions }) => {
        const entry = await sessions.set(session, key, given, by, ifVersion, tags ? { tags } : {});
        return { json: parsed(entry), text: safe(`${key} of ${session} is at version ${entry.version}.`) };
      });
    },
  );
  verb<{ ifVersion?: number }>(
    group,
    'delete <session> <key>',
    {
      summary: 'delete one entry',
      examples: ['context delete blog api_structure'],
      exitCodes: { failed: 'there is no such entry' },
      options: [['--if-version <n>', 'only if it is still at this version', number(1, { whole: true })]],
      needs: ['folder'],
    },
    ({ args: [session = '', key = ''], options }) =>
      withStorage(options, 'read', async ({ sessions }) => {
        const deleted = await sessions.delete(session, key, options.ifVersion);
        const text = deleted ? `Deleted ${key} of ${session}.` : `Session ${session} has no entry ${key}.`;
        return { json: { session, key, deleted }, text: safe(text), exitCode: deleted ? 0 : 1 };
      }),
  );
}

const parsed = (entry: ContextEntry): Omit<ContextEntry, 'value'> & { value: unknown } => ({
  ...entry,
  value: JSON.parse(entry.value) as unknown,
});

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
