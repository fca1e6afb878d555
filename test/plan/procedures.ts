import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { loadParts } from '../../src/cli/load-parts.js';
import { INLINE_DEFINITION_LIMIT } from '../../src/core/request.js';
import type { Procedure } from '../../src/core/procedure.js';
import { note, procedure } from '../handoff/own-actions.js';

/** The parts of the fifth example, as a worker registers them. */
const { actions = [], rules = [], procedures = [] } = await loadParts({ module: ['examples/05-own-action.mjs'] });
export const example5 = { actions, rules, procedures };

export const example4 = parse(readFileSync('examples/04-own-procedure.yaml', 'utf8')) as Procedure;

/** A procedure that travels by reference. */
export const LARGE = procedure(
  'LARGE',
  Array.from({ length: 20 }, (_, i) => note(`note_${i}`, { description: 'x'.repeat(1500) })),
);
if (JSON.stringify(LARGE).length < INLINE_DEFINITION_LIMIT) throw new Error('LARGE is not large');

/** Everything at once: each built-in action and two of a user's, one of which nothing undoes. */
export const WHOLE: Procedure = {
  procedure_id: 'WHOLE',
  version: '1.0.0',
  name: 'Whole',
  estimated_duration: 5,
  steps: [
    { step_id: 'check', name: 'Check', action: 'validate', rules: ['VR001', 'VR002', 'VR004', 'VR007', 'VR008'] },
    { step_id: 'bring', name: 'Bring', action: 'transfer', with: { what: ['context', 'artifacts'] } },
    { step_id: 'sync', name: 'Synchronise', action: 'sync_state', depends_on: ['check'] },
    note('tell', { compensation: 'back', depends_on: ['bring', 'sync'], with: { how: 'softly' } }),
    { step_id: 'mail', name: 'Mail', action: 'send_mail', compensation: 'irreversible' },
    { step_id: 'again', name: 'Check again', action: 'validate', rules: ['VR003', 'VR005', 'VR008'] },
    { step_id: 'ask', name: 'Ask', action: 'confirm' },
  ],
  rollback_procedures: [{ rollback_id: 'back', name: 'Take it back', steps: ['bring', 'sync', 'tell'] }],
};
