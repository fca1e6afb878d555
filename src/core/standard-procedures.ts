import type { Procedure, RuleRef } from './procedure.js';

/** S3's procedure for a pipeline that moves from one phase to the next. */
export const PHASE_TRANSITION_STANDARD: Procedure = {
  procedure_id: 'PHASE_TRANSITION_STANDARD',
  version: '1.0.0',
  name: 'Standard phase transition',
  description: 'The source phase is complete; its resources and the state of the session move to the target phase.',
  estimated_duration: 2.75,
  steps: [
    {
      step_id: 'phase_completion_validation',
      name: 'Phase Completion Validation',
      action: 'validate',
      rules: ['VR001', 'VR002'],
      timeout: 30,
    },
    { step_id: 'resource_handoff', name: 'Resource Handoff', action: 'transfer', with: { what: ['artifacts'] } },
    { step_id: 'state_synchronization', name: 'State Synchronization', action: 'sync_state', timeout: 45 },
    { step_id: 'handoff_validation', name: 'Handoff Validation', action: 'validate', rules: ['VR003'], timeout: 30 },
  ],
  validation_rules: [
    { rule_id: 'VR001', name: 'Phase Completion Check', severity: 'critical' },
    { rule_id: 'VR002', name: 'Resource Availability Check', severity: 'critical' },
    { rule_id: 'VR003', name: 'State Consistency Check', severity: 'high' },
  ],
  rollback_procedures: [
    { rollback_id: 'resource_rollback', name: 'Resource Rollback', steps: ['resource_handoff'] },
    { rollback_id: 'state_rollback', name: 'State Rollback', steps: ['state_synchronization'] },
  ],
};

/** S3's procedure for work that passes from one agent to another, who confirms it. */
export const AGENT_HANDOFF_STANDARD: Procedure = {
  procedure_id: 'AGENT_HANDOFF_STANDARD',
  version: '1.0.0',
  name: 'Standard agent handoff',
  description: 'The target agent is ready, receives the context of the task and the artifacts, and confirms.',
  estimated_duration: 1.83,
  steps: [
    {
      step_id: 'agent_readiness_check',
      name: 'Agent Readiness Check',
      action: 'validate',
      rules: ['VR004'],
      timeout: 20,
    },
    {
      step_id: 'task_context_transfer',
      name: 'Task Context Transfer',
      action: 'transfer',
      timeout: 30,
      with: { what: ['context'] },
    },
    {
      step_id: 'knowledge_transfer',
      name: 'Knowledge Transfer',
      action: 'transfer',
      timeout: 45,
      with: { what: ['artifacts'] },
    },
    { step_id: 'handoff_confirmation', name: 'Handoff Confirmation', action: 'confirm', rules: ['VR005'], timeout: 15 },
  ],
  validation_rules: [
    { rule_id: 'VR004', name: 'Agent Readiness Validation', severity: 'critical' },
    { rule_id: 'VR005', name: 'Context Transfer Validation', severity: 'critical' },
  ],
  rollback_procedures: [
    {
      rollback_id: 'context_rollback',
      name: 'Context Rollback',
      steps: ['task_context_transfer', 'knowledge_transfer'],
    },
  ],
};

/** What is checked before anything moves. */
const BEFORE_TRANSFER: readonly RuleRef[] = [
  { rule_id: 'VR002', name: 'Resource Availability Check', severity: 'critical' },
  { rule_id: 'DC001', name: 'All Required Artifacts Present', severity: 'critical' },
  { rule_id: 'DC002', name: 'Artifacts Match Schemas', severity: 'critical' },
  { rule_id: 'DC003', name: 'Checksums Validate', severity: 'critical' },
  { rule_id: 'DC004', name: 'Required Fields Present', severity: 'high' },
  { rule_id: 'DC005', name: 'Data Types Correct', severity: 'high' },
  { rule_id: 'DC006', name: 'No Missing Dependencies', severity: 'high' },
];
const BEFORE_TRIGGER: readonly RuleRef[] = [
  { rule_id: 'DC007', name: 'Transfer Successful', severity: 'critical' },
  { rule_id: 'DC008', name: 'Next Agent Can Start', severity: 'critical' },
];
const ids = (rules: readonly RuleRef[]): string[] => rules.map((r) => r.rule_id);

/** S2's flow: what a contract promises is checked, moved, checked again, and the next phase is triggered. */
export const CONTRACT_HANDOFF_STANDARD: Procedure = {
  procedure_id: 'CONTRACT_HANDOFF_STANDARD',
  version: '1.0.0',
  name: 'Standard contract handoff',
  description:
    'What the contract promises is whole and moves to the target, which can start; then its phase is triggered.',
  steps: [
    {
      step_id: 'contract_validation',
      name: 'Contract Validation',
      action: 'validate',
      rules: ids(BEFORE_TRANSFER),
      timeout: 60,
    },
    {
      step_id: 'artifact_transfer',
      name: 'Artifact Transfer',
      action: 'transfer',
      timeout: 600,
      with: { what: ['artifacts', 'context'] },
    },
    { step_id: 'state_synchronization', name: 'State Synchronization', action: 'sync_state', timeout: 45 },
    {
      step_id: 'readiness_validation',
      name: 'Readiness Validation',
      action: 'validate',
      rules: ids(BEFORE_TRIGGER),
      timeout: 60,
    },
    { step_id: 'phase_trigger', name: 'Phase Trigger', action: 'trigger', compensation: 'irreversible' },
  ],
  validation_rules: [...BEFORE_TRANSFER, ...BEFORE_TRIGGER],
  rollback_procedures: [
    { rollback_id: 'transfer_rollback', name: 'Transfer Rollback', steps: ['artifact_transfer'] },
    { rollback_id: 'state_rollback', name: 'State Rollback', steps: ['state_synchronization'] },
  ],
};

export const STANDARD_PROCEDURES: readonly Procedure[] = [
  PHASE_TRANSITION_STANDARD,
  AGENT_HANDOFF_STANDARD,
  CONTRACT_HANDOFF_STANDARD,
];
