import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type {
  Actor,
  ContentOutline,
  Fact,
  ReportState,
  ReportTerms,
  ReviewStatus,
  SignOffRole,
  SignOffStatus,
  VersionRef,
} from '../core/report/report.js';

/** The input of a report's run. The content is in the store already. */
export interface ReportInput {
  reportId: string;
  author: string;
  pipelineId: string;
  taskId: string;
  terms: ReportTerms;
  version: VersionRef;
  outline: ContentOutline;
  /** Where the run before continued as new: its state, and the keys of acts that it still knew. */
  carried?: ReportState;
  keys?: string[];
  /** Changes after which the next run takes over. Default 200. */
  changesPerRun?: number;
}

/** Every act names who acts, and the `seq` or digest that they have seen. */
interface Acting {
  actor: Actor;
  /** Refused unless it is the present one. Absent: whichever that is. */
  seq?: number;
  /** Asked again with the same key it answers the same, and does nothing. */
  key?: string;
}
export interface EditReportMessage extends Acting {
  basedOn: string;
  version: Omit<VersionRef, 'number'>;
  outline: ContentOutline;
  /** The act of the policy table that it stands for. */
  what: 'content' | 'component' | 'attachment';
}
export interface SubmitReportMessage extends Acting {
  digest: string;
  notes?: string;
  /** What is handed in where it differs from the version of that digest: it carries the notes. */
  edit?: Pick<EditReportMessage, 'version' | 'outline'>;
}
export interface ReviewReportMessage extends Acting {
  digest: string;
  status: ReviewStatus;
  comments: string;
  qualityScore?: number;
  amendments?: string[];
}
export interface EnterFactMessage extends Acting {
  digest: string;
  fact: Omit<Fact, 'id' | 'at' | 'digest' | 'source'>;
}
export interface SignOffReportMessage extends Acting {
  digest: string;
  role: SignOffRole;
  status: SignOffStatus;
  comments: string;
  conditions?: string[];
}
export interface RevokeSignOffMessage extends Acting {
  role: SignOffRole;
  reason: string;
}
export interface MeetConditionMessage extends Acting {
  role: SignOffRole;
  /** Counts from 0. */
  condition: number;
  note?: string;
}
export interface CommentReportMessage extends Acting {
  text: string;
}

export interface ReportSnapshot {
  state: ReportState;
  /** In words: what it waits for, since when, what to press. */
  words: string;
  at: number;
}
/** What an act answers, once it is on record. */
export interface ReportAnswer {
  state: ReportState;
}

/** Changes nothing: answers once all that came before is on record. */
export const recordedReportUpdate = defineUpdate<ReportAnswer>('recorded');
export const editReportUpdate = defineUpdate<ReportAnswer, [EditReportMessage]>('edit');
export const submitReportUpdate = defineUpdate<ReportAnswer, [SubmitReportMessage]>('submit');
export const reviewReportUpdate = defineUpdate<ReportAnswer, [ReviewReportMessage]>('review');
export const enterFactUpdate = defineUpdate<ReportAnswer, [EnterFactMessage]>('enterFact');
export const signOffReportUpdate = defineUpdate<ReportAnswer, [SignOffReportMessage]>('signOff');
export const revokeSignOffUpdate = defineUpdate<ReportAnswer, [RevokeSignOffMessage]>('revokeSignOff');
export const meetConditionUpdate = defineUpdate<ReportAnswer, [MeetConditionMessage]>('meetCondition');
export const commentReportUpdate = defineUpdate<ReportAnswer, [CommentReportMessage]>('comment');
export const reportStatusQuery = defineQuery<ReportSnapshot>('report');
