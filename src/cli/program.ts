import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { STEER } from './completion/candidates.js';
import { artifactVerbs } from './verbs/artifacts.js';
import { auditVerbs } from './verbs/audit.js';
import { chaosVerb } from './verbs/chaos.js';
import { completionVerb } from './verbs/completion.js';
import { contractVerbs } from './verbs/contract.js';
import { demoVerb } from './verbs/demo.js';
import { devVerb } from './verbs/dev.js';
import { digestVerb } from './verbs/digest.js';
import { doctorVerb } from './verbs/doctor.js';
import { eventVerbs } from './verbs/events.js';
import { inboxVerb } from './verbs/inbox.js';
import { incidentsVerb } from './verbs/incidents.js';
import { lookVerbs } from './verbs/look.js';
import { messageVerbs } from './verbs/messages.js';
import { metricsVerb } from './verbs/metrics.js';
import { packageVerbs } from './verbs/package.js';
import { pipelineVerbs } from './verbs/pipeline.js';
import { planVerbs } from './verbs/plan.js';
import { procedureVerbs } from './verbs/procedures.js';
import { registryVerbs } from './verbs/registry.js';
import { reliabilityVerbs } from './verbs/reliability.js';
import { replayVerbs } from './verbs/replay.js';
import { reportVerbs } from './verbs/report.js';
import { runVerbs } from './verbs/run.js';
import { serveVerbs } from './verbs/serve.js';
import { setupVerb } from './verbs/setup.js';
import { submitReturnVerb } from './verbs/submit-return.js';
import { watchVerb } from './verbs/watch.js';
import { workerVerb } from './verbs/worker.js';

/** The whole command line. It throws CommanderError for wrong usage, and for help. */
export function program(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const handoff = new Command('handoff')
    .description('Moves work, context and artifacts from one agent or phase to the next, whole or not at all.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [verb]', 'show the help of a verb')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    // What commander would print of an error is printed once, by `complain`.
    .configureOutput({ outputError: () => {} });
  handoff.addHelpText(
    'after',
    '\nExample:\n  $ handoff demo\n  $ handoff dev\n  $ handoff run examples/01-phase-transition.json\n\nExit codes: 0 ok; 1 it failed or did not complete; 2 wrong usage or input;\n3 nobody answers.',
  );
  handoff.commandsGroup('Run:');
  demoVerb(handoff);
  devVerb(handoff);
  workerVerb(handoff);
  serveVerbs(handoff);
  setupVerb(handoff);
  runVerbs(handoff);
  handoff.commandsGroup('Look:');
  lookVerbs(handoff);
  planVerbs(handoff);
  inboxVerb(handoff);
  incidentsVerb(handoff);
  artifactVerbs(handoff);
  packageVerbs(handoff);
  doctorVerb(handoff);
  digestVerb(handoff);
  watchVerb(handoff);
  metricsVerb(handoff);
  eventVerbs(handoff);
  auditVerbs(handoff);
  handoff.commandsGroup(STEER);
  messageVerbs(handoff);
  submitReturnVerb(handoff);
  handoff.commandsGroup('Reports:');
  reportVerbs(handoff);
  handoff.commandsGroup('Pipelines:');
  pipelineVerbs(handoff);
  handoff.commandsGroup('What handoffs are made of:');
  registryVerbs(handoff);
  procedureVerbs(handoff);
  contractVerbs(handoff);
  handoff.commandsGroup('Prove:');
  reliabilityVerbs(handoff);
  chaosVerb(handoff);
  handoff.commandsGroup('Upgrade:');
  replayVerbs(handoff);
  handoff.commandsGroup('Your shell:');
  completionVerb(handoff);
  return handoff;
}
