import type { ReportTerms } from '../report/report.js';

/** What the service is set to; `settings-schema.ts` has each name in the environment, and reads them. */
export interface ServiceSettings {
  host: string;
  port: number;
  /** Bytes of one request's body. */
  maxReportBytes: number;
  /** Bytes of one attachment. */
  maxAttachmentBytes: number;
  /** Requests of one key in a minute, and of one address without a key; 0: as many as one likes. */
  rateLimitPerMinute: number;
  /** Origins; empty: off. */
  corsOrigins: string[];
  /** Whether a proxy in front of it says who asks (`X-Forwarded-For`, `X-Forwarded-Proto`). */
  trustProxy: boolean;
  /** Seconds that dashboard and statistics are kept. */
  cacheSeconds: number;
  /** Whether "something waits for you" is told at all, and how often again. */
  notifications: boolean;
  reminderMinutes: number;
  /** Whether webhooks may go to addresses within this machine and its networks. */
  webhookAllowPrivate: boolean;
  /** Files outside the database that the audit log is signed with, and anchored in. Absent: in the data folder. */
  auditKey?: string;
  auditAnchors?: string;
  /** What a report keeps from its creation on. */
  terms: ReportTerms;
}

export const DEFAULT_SETTINGS: ServiceSettings = {
  host: '127.0.0.1',
  port: 7480,
  maxReportBytes: 10 * 1024 * 1024,
  maxAttachmentBytes: 10 * 1024 * 1024,
  rateLimitPerMinute: 600,
  corsOrigins: [],
  trustProxy: false,
  cacheSeconds: 300,
  notifications: true,
  reminderMinutes: 60,
  webhookAllowPrivate: false,
  terms: {
    reviewTimeoutDays: 7,
    signOffExpiryDays: 30,
    autoApprovalThreshold: 0.9,
    autoValidation: true,
    requiredSignOffs: ['developer', 'tech_lead', 'qa_engineer'],
    coverageTarget: 80,
    escalationChain: ['tech_lead', 'admin'],
    reminderHours: 24,
    allowSelfSignOff: false,
    allowTwoRoles: false,
  },
};
