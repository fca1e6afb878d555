// A procedure that does what none of the engine's does: it completes, and what it moved is gone.
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

export default {
  procedures: [
    {
      procedure_id: 'LOSES_WHAT_ARRIVED',
      version: '1.0.0',
      name: 'Loses what arrived',
      steps: [
        { step_id: 'move', name: 'Move', action: 'transfer', with: { what: ['artifacts'] }, compensation: 'back' },
        { step_id: 'lose', name: 'Lose', action: 'lose_artifact', compensation: 'irreversible' },
      ],
      rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['move'] }],
    },
  ],
  actions: [
    {
      name: 'lose_artifact',
      async run({ task, storage }) {
        const folder = path.join(storage.root, 'artifacts', 'phase_13');
        // Of one of them only: the others must not be blamed.
        if (!task.subject.handoffId.endsWith('2')) return {};
        for (const name of readdirSync(folder)) {
          if (name.startsWith(task.subject.handoffId)) rmSync(path.join(folder, name));
        }
        return {};
      },
    },
  ],
};
