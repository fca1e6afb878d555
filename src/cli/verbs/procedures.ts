import type { Command } from 'commander';
import { HandoffError } from '../../core/errors.js';
import { dependenciesOf, type Procedure } from '../../core/procedure.js';
import type { Storage } from '../../storage/storage.js';
import { storageIfThere, storageAt, type PlaceOptions } from '../place.js';
import { safe, table, type Paint } from '../text/text.js';
import { verb } from '../verb.js';

const start = () => import('../../client/start.js');
const NOTHING = { procedures: [], actions: [], rules: [] };

/** The standard procedures are there without a folder. */
async function withKnown<T>(options: PlaceOptions, work: (storage: Storage | undefined) => Promise<T>): Promise<T> {
  const storage = await storageIfThere(options);
  try {
    return await work(storage);
  } finally {
    await storage?.close();
  }
}

export function procedureVerbs(program: Command): void {
  const group = program.command('procedures').description('the procedures that handoffs can follow');
  group.addHelpText('after', '\nExample:\n  $ handoff procedures add examples/04-own-procedure.yaml');
  verb(
    group,
    'list',
    { summary: 'the newest version of each procedure', examples: ['procedures list'], needs: ['folder'] },
    ({ options, io }) =>
      withKnown(options, async (storage) => {
        const all = [...(await (await start()).knownProcedures(NOTHING, storage)).values()];
        const rows = all.map((p) => [p.procedure_id, p.version, p.steps.length, p.name]);
        return { json: all, text: table(io.paint, ['PROCEDURE', 'VERSION', 'STEPS', 'NAME'], rows, '') };
      }),
  );
  verb(
    group,
    'show <procedure>',
    {
      summary: 'one procedure: its steps, rules and rollbacks',
      examples: ['procedures show PHASE_TRANSITION_STANDARD'],
      needs: ['folder'],
    },
    ({ args: [id = ''], options, io }) =>
      withKnown(options, async (storage) => {
        const known = await (await start()).knownProcedures(NOTHING, storage);
        const found = known.get(id);
        if (!found) throw new HandoffError('PROCEDURE_UNKNOWN', { procedure: id, known: [...known.keys()].join(', ') });
        return { json: found, text: procedureText(io.paint, found) };
      }),
  );
  verb(
    group,
    'check <file>',
    {
      summary: 'check a procedure file without adding it',
      examples: ['procedures check examples/04-own-procedure.yaml'],
      needs: ['folder'],
    },
    async ({ args: [file = ''], options, io }) => {
      const document = await (await import('../input.js')).readDocument(file);
      return withKnown(options, async (storage) => {
        const checked = await (await start()).checkProcedure(document, NOTHING, storage);
        const text = `${io.paint.green('✓')} ${checked.procedure_id} ${checked.version} can run: ${checked.steps.length} steps.`;
        return { json: { valid: true, procedure: checked }, text };
      });
    },
  );
  verb(
    group,
    'add <file>',
    {
      summary: 'check a procedure file and make it known here',
      examples: ['procedures add examples/04-own-procedure.yaml'],
      needs: ['folder'],
    },
    async ({ args: [file = ''], options }) => {
      const document = await (await import('../input.js')).readDocument(file);
      const storage = await storageAt(options);
      try {
        const { procedure, digest } = await storage.procedures.add(
          await (await start()).checkProcedure(document, NOTHING, storage),
        );
        const { procedure_id, version } = procedure;
        return {
          json: { procedure_id, version, digest },
          text: `Added ${procedure_id} ${version} (${digest.slice(0, 12)}).`,
        };
      } finally {
        await storage.close();
      }
    },
  );
}

function procedureText(paint: Paint, p: Procedure): string {
  const steps = p.steps.map((s, i) => {
    const undo = (p.rollback_procedures ?? []).find((r) => r.steps.includes(s.step_id))?.name;
    const what = [s.action, ...(s.rules ?? [])].join(' ');
    return [s.step_id, what, dependenciesOf(p.steps, i).join(', '), `${s.timeout ?? 60} s`, undo ?? s.compensation];
  });
  return [
    `${paint.bold(p.procedure_id)} ${p.version}  ${safe(p.name)}`,
    ...(p.description ? [safe(p.description)] : []),
    '',
    table(paint, ['STEP', 'ACTION, RULES', 'AFTER', 'TIME-OUT', 'UNDONE BY'], steps, ''),
    ...(p.dependencies?.length ? ['', `Needs completed in the same session: ${p.dependencies.join(', ')}`] : []),
    ...(p.required_agents?.length ? ['', `Needs reachable: ${p.required_agents.join(', ')}`] : []),
  ].join('\n');
}
