import { REPAIR_TYPE, RECONCILE_TYPE, repairWorkflowIdOf, workflowIdOf } from './ids.js';
import { PIPELINE_TYPE, pipelineWorkflowIdOf } from './pipeline/ids.js';
import { faultOfReportStart } from './report/input-guard.js';
import { REPORT_TYPE } from './report/ids.js';

/** How a workflow was started. */
export interface StartFacts {
  workflowType: string;
  workflowId: string;
  continued: boolean;
  input: unknown;
}

type Fields = Record<string, unknown>;
const isObject = (v: unknown): v is Fields => typeof v === 'object' && v !== null && !Array.isArray(v);
const isText = (v: unknown): boolean => typeof v === 'string' && v !== '';
const isTime = (v: unknown): boolean => typeof v === 'number' && Number.isFinite(v);
const isTexts = (v: unknown): boolean => Array.isArray(v) && v.every(isText);
const orAbsent = (check: (v: unknown) => boolean, v: unknown): boolean => v === undefined || check(v);

/**
 * What is wrong with a workflow that somebody started by hand, who may send anything; undefined where it can run. Hand
 * written, because it runs in the workflow, where a plain error would retry the task for ever.
 */
export function faultOfStart({ workflowType, workflowId, continued, input }: StartFacts): string | undefined {
  if (workflowType === RECONCILE_TYPE) return undefined;
  if (!isObject(input)) return 'one object is expected as input';
  if (workflowType === PIPELINE_TYPE) return faultOfPipeline(input, workflowId, continued);
  if (workflowType === REPORT_TYPE) return faultOfReportStart(input, workflowId, continued);
  const subject = faultOfSubject(input['subject']);
  if (subject) return subject;
  const { handoffId, procedure } = input['subject'] as { handoffId: string; procedure: { id: string } };
  const repair = workflowType === REPAIR_TYPE;
  const id = repair ? repairWorkflowIdOf(handoffId) : workflowIdOf(handoffId);
  if (workflowId !== id) return `the workflow id must be ${id}`;
  if (repair) return isText(input['reason']) ? undefined : '/reason must be a text';
  if (workflowType !== procedure.id) return `the workflow type must be the procedure's id, ${procedure.id}`;
  if (input['carried'] !== undefined && !continued) return '/carried is only for a run that continues';
  return faultOfDefinition(input['definition']) ?? faultOfTerms(input);
}

function faultOfSubject(s: unknown): string | undefined {
  if (!isObject(s)) return '/subject must be an object';
  const missing = ['handoffId', 'session', 'type', 'priority', 'requestDigest'].find((f) => !isText(s[f]));
  if (missing) return `/subject/${missing} must be a text`;
  const { source, target, procedure, contract } = s;
  if (!isObject(source) || !isObject(target)) return '/subject/source and /subject/target must be objects';
  if (!orAbsent((c) => isObject(c) && isText(c['digest']), contract)) return '/subject/contract must have a digest';
  const named = isObject(procedure) && isText(procedure['id']) && isText(procedure['version']);
  return named ? undefined : '/subject/procedure must have an id and a version';
}

function faultOfDefinition(d: unknown): string | undefined {
  if (isObject(d) && isObject(d['ref']) && isText(d['ref']['uri'])) return undefined;
  const inline = isObject(d) ? d['inline'] : undefined;
  if (!isObject(inline) || !isText(inline['procedure_id'])) return '/definition must have inline or ref';
  const { steps } = inline;
  if (!Array.isArray(steps) || steps.length === 0) return '/definition/inline/steps must be a list of steps';
  const bad = steps.findIndex((s) => !isStep(s));
  if (bad >= 0) return `/definition/inline/steps/${bad} is not a step`;
  const lists = ['validation_rules', 'rollback_procedures', 'dependencies', 'required_agents'];
  const list = lists.find((f) => !orAbsent(Array.isArray, inline[f]));
  return list && `/definition/inline/${list} must be a list`;
}

const isStep = (s: unknown): boolean =>
  isObject(s) &&
  [s['step_id'], s['name'], s['action']].every(isText) &&
  [s['rules'], s['depends_on']].every((v) => orAbsent(isTexts, v)) &&
  orAbsent(isTime, s['timeout']) &&
  [s['retry'], s['with']].every((v) => orAbsent(isObject, v));

function faultOfTerms(input: Fields): string | undefined {
  if (!isTime(input['expiresInMs'])) return '/expiresInMs must be a number';
  const time = ['expiresAt', 'startAfter', 'triggerAfter'].find((f) => !orAbsent(isTime, input[f]));
  if (time) return `/${time} must be a time in milliseconds`;
  const returns = faultOfReturns(input);
  if (returns) return returns;
  const ends = input['expectedEnds'];
  if (!orAbsent((v) => isObject(v) && Object.values(v).every(isTime), ends))
    return '/expectedEnds must be times in milliseconds';
  if (!['explicit', 'auto'].includes(input['acceptance'] as string)) return '/acceptance must be explicit or auto';
  if (!['stop', 'run'].includes(input['clockWhilePaused'] as string)) return '/clockWhilePaused must be stop or run';
  return undefined;
}

function faultOfReturns({ returns, maxReturnRounds }: Fields): string | undefined {
  if (!orAbsent(isTime, maxReturnRounds)) return '/maxReturnRounds must be a number';
  if (returns === undefined) return undefined;
  const whole = (r: unknown): boolean =>
    isObject(r) &&
    typeof r['critical'] === 'boolean' &&
    ['retry', 'fail', 'warn'].includes(r['ifMissing'] as string) &&
    isTime(r['timeoutMs']) &&
    orAbsent(isTime, r['expectedInMs']);
  const bad = isObject(returns) ? Object.entries(returns).find(([, r]) => !whole(r)) : ['', undefined];
  return bad && `/returns/${bad[0]!.slice(0, 60)} is not what a contract expects back`;
}

function faultOfPipeline(input: Fields, workflowId: string, continued: boolean): string | undefined {
  const { subject, phases, carried, from, terms } = input;
  if (!isObject(subject)) return '/subject must be an object';
  const missing = ['pipelineId', 'session', 'cloneId', 'pipelineVersion'].find((f) => !isText(subject[f]));
  if (missing) return `/subject/${missing} must be a text`;
  const id = pipelineWorkflowIdOf(subject['session'] as string);
  if (workflowId !== id) return `the workflow id must be ${id}`;
  if (!Array.isArray(phases) || phases.length === 0) return '/phases must be a list of phases';
  const bad = phases.findIndex((p) => !isPhase(p));
  if (bad >= 0) return `/phases/${bad} is not a phase with steps`;
  if (carried !== undefined && !continued) return '/carried is only for a run that continues';
  const takesOver = (f: unknown): boolean =>
    isObject(f) &&
    isText(f['by']) &&
    isText(f['merge']) &&
    (isText(f['packageId']) || isTime(f['epoch'])) &&
    orAbsent(isTime, f['asOf']);
  if (!orAbsent(takesOver, from)) return '/from must name a package or an epoch, and who takes over';
  if (!isObject(terms)) return '/terms must be an object';
  if (!orAbsent(isObject, terms['transition'])) return '/terms/transition must be an object';
  const number = ['packageExpiryMs', 'stepsPerRun'].find((f) => !orAbsent(isTime, terms[f]));
  return number && `/terms/${number} must be a number`;
}

const isPhase = (p: unknown): boolean => {
  if (!isObject(p) || !isText(p['phase'])) return false;
  const { steps } = p;
  const isTerms = (s: unknown): boolean =>
    isObject(s) && isText(s['name']) && orAbsent(isTime, s['timeoutSeconds']) && orAbsent(isTime, s['maxAttempts']);
  return Array.isArray(steps) && steps.length > 0 && steps.every(isTerms);
};
