/** Every procedure, built-in or a user's own, runs on this one workflow; its id is the workflow type that operators see. */
export { handoffWorkflow as default } from './handoff/workflow.js';
export { handoffPipeline } from './pipeline/workflow.js';
export { agentHandoffReport } from './report/workflow.js';
export { reconcileHandoffs } from './reconcile/workflow.js';
export { repairHandoff } from './repair/workflow.js';
