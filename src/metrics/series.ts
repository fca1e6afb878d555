/** One metric as Prometheus has it. */
export interface Series {
  name: `handoff_${string}`;
  type: 'counter' | 'gauge' | 'histogram';
  labels: readonly string[];
  help: string;
}

const series = <N extends `handoff_${string}`>(
  type: Series['type'],
  name: N,
  help: string,
  ...labels: string[]
): Series & { name: N } => ({ name, type, labels, help });

/** Every metric at `/metrics`; docs/metrics.md lists them. */
export const SERIES = [
  series('gauge', 'handoff_up', '1 while Temporal answers.'),
  series('gauge', 'handoff_database_up', '1 while the database can be read.'),
  series('gauge', 'handoff_scrape_duration_seconds', 'How long it took to collect all of this.'),
  series('counter', 'handoff_started_total', 'Handoffs that were started.', 'procedure', 'type'),
  series('counter', 'handoff_closed_total', 'Handoffs that ended.', 'procedure', 'type', 'outcome'),
  series(
    'histogram',
    'handoff_duration_seconds',
    'From the start of a handoff to its end, pauses and waiting included.',
    'procedure',
    'type',
    'outcome',
  ),
  series('counter', 'handoff_step_retries_total', 'Attempts of steps beyond the first.', 'step'),
  series('counter', 'handoff_effects_undone_total', 'Effects that were taken back, by how that ended.', 'result'),
  series('gauge', 'handoff_open', 'Open handoffs by what is shown of them.', 'status'),
  series('gauge', 'handoff_oldest_seconds', 'How long the oldest open handoff has been shown so.', 'status'),
  series('gauge', 'handoff_incidents_open', 'Handoffs that wait for a person.'),
  series('gauge', 'handoff_incident_oldest_seconds', 'Age of the oldest open incident; 0 without any.'),
  series('gauge', 'handoff_acceptance_waiting', 'Handoffs that were offered and not accepted yet.'),
  series('gauge', 'handoff_acceptance_oldest_seconds', 'How long the oldest offer has waited; 0 without any.'),
  series('gauge', 'handoff_returns_overdue', 'Accepted handoffs of which a return is overdue.'),
  series('gauge', 'handoff_inbox', 'What waits in the fullest inboxes; (other) is the rest.', 'agent'),
  series('counter', 'handoff_validation_sessions_total', 'Validation sessions.', 'procedure', 'result'),
  series('histogram', 'handoff_validation_duration_seconds', 'How long validation sessions took.', 'procedure'),
  series('counter', 'handoff_validation_rules_total', 'Verdicts of single rules.', 'rule', 'severity', 'result'),
  series('counter', 'handoff_pipelines_started_total', 'Pipelines that were started.'),
  series('histogram', 'handoff_pipeline_duration_seconds', 'From the start of a pipeline to its end.', 'outcome'),
  series('gauge', 'handoff_pipelines_open', 'Open pipelines by what is shown of them.', 'status'),
  series(
    'histogram',
    'handoff_pipeline_step_duration_seconds',
    "How long the attempt took that ended a pipeline's step.",
    'phase',
  ),
  series('counter', 'handoff_pipeline_step_retries_total', "Attempts of pipelines' steps beyond the first.", 'phase'),
  series('counter', 'handoff_reliability_tests_total', 'Reliability tests that ended.', 'type', 'result'),
  series(
    'counter',
    'handoff_reliability_iterations_total',
    'Handoffs of ended reliability tests, by what they came to.',
    'type',
    'outcome',
  ),
  series('gauge', 'handoff_database_bytes', 'Size of the database on disk; log is what is not merged yet.', 'file'),
  series(
    'gauge',
    'handoff_task_queue_backlog',
    'Tasks that no worker has taken yet, as Temporal estimates it.',
    'task_queue',
    'kind',
  ),
  series(
    'gauge',
    'handoff_task_queue_backlog_age_seconds',
    'How long the oldest of them has waited.',
    'task_queue',
    'kind',
  ),
  series(
    'gauge',
    'handoff_task_queue_pollers',
    'Workers that asked for such tasks in the last minutes.',
    'task_queue',
    'kind',
  ),
] as const satisfies readonly Series[];

export type SeriesName = (typeof SERIES)[number]['name'];
