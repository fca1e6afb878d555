// An action of your own, for `handoff dev --module examples/05-own-action.mjs` (or `handoff worker`).
// `effect` puts the intent on record before `act` runs, so that a crash between the two is undone or finished, never lost.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

const ticketFile = (storage, key) => path.join(storage.root, 'tickets', `${key.replaceAll('/', '_')}.json`);

const openTicket = {
  name: 'open_ticket',
  async run({ task, effect, storage }) {
    const title = `Work for ${task.subject.target.agent}`;
    return effect('ticket', { title }, async (key) => {
      await mkdir(path.join(storage.root, 'tickets'), { recursive: true });
      await writeFile(ticketFile(storage, key), JSON.stringify({ title, state: 'open' }));
      return { ticket: key };
    });
  },
  // It is called again after a crash, and also where the ticket was never opened.
  async undo({ key }, { storage }) {
    await rm(ticketFile(storage, key), { force: true });
  },
};

const weekday = {
  id: 'OWN001',
  name: 'Weekday Check',
  severity: 'low',
  check: async () => {
    const day = new Date().getDay();
    return { passed: day !== 0 && day !== 6, message: day === 0 || day === 6 ? 'it is a weekend' : 'a working day' };
  },
};

export default {
  actions: [openTicket],
  rules: [weekday],
  procedures: [
    {
      procedure_id: 'TICKET_HANDOFF',
      version: '1.0.0',
      name: 'Handoff with a ticket',
      steps: [
        { step_id: 'weekday', name: 'Weekday', action: 'validate', rules: ['OWN001'] },
        { step_id: 'ticket', name: 'Open the ticket', action: 'open_ticket' },
        { step_id: 'confirmation', name: 'Confirmation', action: 'confirm' },
      ],
      rollback_procedures: [{ rollback_id: 'close_ticket', name: 'Close the ticket', steps: ['ticket'] }],
    },
  ],
};
