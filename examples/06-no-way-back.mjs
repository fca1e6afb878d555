// A step that cannot be undone, for `handoff dev --module examples/06-no-way-back.mjs`.
//
// Files are handed over, then an announcement goes out, then the receiver is asked. `handoff plan` and `handoff show` say
// from the start what could not be undone; if the receiver rejects, the files go back and the announcement stays:
//   handoff plan examples/06-no-way-back.request.yaml
//   handoff start examples/06-no-way-back.request.yaml --id news
//   handoff reject news --by @nodejs-specialist --reason "not now"
//   handoff result news
import { appendFile } from 'node:fs/promises';
import path from 'node:path';

/** Without an `undo`: every step that runs it has to say `irreversible`, or the procedure is refused. */
const announce = {
  name: 'announce',
  async run({ task, effect, storage }) {
    const { handoffId, target } = task.subject;
    // The key is the same at each attempt: a receiver that remembers it announces once.
    return effect('announcement', {}, async (key) => {
      const line = JSON.stringify({ key, text: `${handoffId} is on its way to ${target.agent}` });
      await appendFile(path.join(storage.root, 'announcements.log'), `${line}\n`);
      return { announced: 1 };
    });
  },
};

export default {
  actions: [announce],
  procedures: [
    {
      procedure_id: 'ANNOUNCED_HANDOFF',
      version: '1.0.0',
      name: 'Handoff with an announcement',
      // What can fail and be undone comes first; what cannot be undone as late as possible.
      steps: [
        { step_id: 'permission', name: 'Permission', action: 'validate', rules: ['VR007'] },
        { step_id: 'files', name: 'Hand over the Files', action: 'transfer', with: { what: ['artifacts'] } },
        {
          step_id: 'announcement',
          name: 'Announce it',
          action: 'announce',
          compensation: 'irreversible',
          // Rather than to undo the rest, it waits for a person when its attempts are used up.
          on_failure: 'hold',
        },
        { step_id: 'answer', name: 'Ask the Receiver', action: 'confirm' },
      ],
      rollback_procedures: [{ rollback_id: 'take_files_back', name: 'Take the files back', steps: ['files'] }],
    },
  ],
};
