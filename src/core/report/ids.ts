/** The workflow type of a report; its id is `report/<id>`. */
export const REPORT_TYPE = 'agentHandoffReport';
export const reportWorkflowIdOf = (reportId: string): string => `report/${reportId}`;
