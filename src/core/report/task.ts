import type { ReportChange } from './change.js';
import type { Fact, ReportState } from './report.js';

/** One change, to be put on record: the state that it led to, whose `seq` is its number. */
export interface RecordReportTask {
  state: ReportState;
  change: ReportChange & {
    /** Where the request came from. */
    from?: string;
  };
}
export interface ValidateReportTask {
  state: ReportState;
}
/** What automatic validation found: without findings it goes on to its review. */
export interface Validated {
  findings: string[];
  facts: Fact[];
}

/** The activities of a report's run, by the names that the Web UI shows. */
export interface ReportActivities {
  recordReport(task: RecordReportTask): Promise<void>;
  validateReport(task: ValidateReportTask): Promise<Validated>;
}
