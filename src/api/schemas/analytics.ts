import { z } from 'zod';
import { COMPONENT_STATUSES, COMPONENT_TYPES, REPORT_STATUSES } from '../../core/report/report.js';
import type { ComponentStatusSummary, Dashboard, ReportStatistics } from '../../core/report/view.js';
import type { Agreed } from './agreed.js';
import { summarySchema } from './report.js';

/** What the dashboard, the statistics and the state of the components answer. */
const byStatus = z.record(z.enum(COMPONENT_STATUSES), z.number());
const componentType = z.enum(COMPONENT_TYPES);
const hours = z.object({ mean: z.number().optional(), p95: z.number().optional(), count: z.number() });
const computed = { computed_at: z.string().describe('ISO 8601'), cached: z.boolean() };

export const statisticsSchema = z.object({
  total: z.number(),
  by_status: z.record(z.enum(REPORT_STATUSES), z.number()),
  component_completion: z.record(
    componentType,
    z.object({ rate: z.number(), mean_progress: z.number(), by_status: byStatus }),
  ),
  quality: z.object({
    mean_score: z.number().optional(),
    scored: z.number(),
    mean_coverage: z.number().optional(),
    covered: z.number(),
  }),
  review_hours: hours,
  approval_hours: hours,
  amendment_cycles: z.object({ mean: z.number().optional(), max: z.number() }),
  bottlenecks: z.array(
    z.object({ what: z.string(), count: z.number(), oldest_since: z.string(), mean_hours: z.number() }),
  ),
  by_day: z.array(z.object({ day: z.string(), created: z.number(), submitted: z.number(), approved: z.number() })),
  ...computed,
});

export const dashboardSchema = statisticsSchema.extend({
  handoffs: z.object({
    in_flight: z.number(),
    waiting: z.number(),
    incidents: z.number(),
    by_status: z.record(z.string(), z.number()),
  }),
  recent: z.array(summarySchema),
  waiting: z.array(z.object({ subject: z.string(), words: z.string(), whom: z.array(z.string()), since: z.string() })),
});

export const componentStatusSchema = z.object({
  components: z.record(
    componentType,
    z.object({
      by_status: byStatus,
      mean_progress: z.number(),
      blockers: z.array(z.object({ report_id: z.string(), text: z.string() })),
      reports: z.number(),
    }),
  ),
  ...computed,
});

true satisfies Agreed<z.infer<typeof statisticsSchema>, ReportStatistics>;
true satisfies Agreed<z.infer<typeof dashboardSchema>, Dashboard>;
true satisfies Agreed<z.infer<typeof componentStatusSchema>, ComponentStatusSummary>;
