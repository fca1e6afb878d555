import type { Routes } from '../deps.js';
import { agentRoutes } from './agents.js';
import { analyticsRoutes } from './analytics.js';
import { auditRoutes } from './audit.js';
import { bulkRoutes } from './bulk.js';
import { contractRoutes } from './contracts.js';
import { eventRoutes } from './events.js';
import { handoffListRoutes } from './handoff-lists.js';
import { handoffReadRoutes } from './handoff.js';
import { handoffRoutes } from './handoffs.js';
import { healthRoutes } from './health.js';
import { keyRoutes } from './keys.js';
import { manifestRoutes } from './manifest.js';
import { metricsRoutes, prometheusRoutes } from './metrics.js';
import { pageRoutes } from './page.js';
import { procedureRoutes } from './procedures.js';
import { reportAttachmentRoutes } from './reports-attachments.js';
import { reportReviewRoutes } from './reports-review.js';
import { reportRoutes } from './reports.js';
import { sessionRoutes } from './session.js';
import { steerRoutes } from './steer.js';
import { waitingRoutes } from './waiting.js';
import { webhookRoutes } from './webhooks.js';

/** All that is below `PREFIX`. */
export const ROUTES: readonly Routes[] = [
  healthRoutes,
  sessionRoutes,
  keyRoutes,
  metricsRoutes,
  auditRoutes,
  reportRoutes,
  reportReviewRoutes,
  reportAttachmentRoutes,
  analyticsRoutes,
  handoffRoutes,
  handoffListRoutes,
  handoffReadRoutes,
  steerRoutes,
  bulkRoutes,
  agentRoutes,
  contractRoutes,
  procedureRoutes,
  manifestRoutes,
  eventRoutes,
  waitingRoutes,
  webhookRoutes,
];
/** What is at the top: metrics for Prometheus, the page. Below a user's prefix where the API is a plugin. */
export const ROOT: readonly Routes[] = [prometheusRoutes, pageRoutes];
