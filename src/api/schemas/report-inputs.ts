import { z } from 'zod';
import {
  attachmentName,
  componentType,
  historyPlaceSchema,
  reportFilterSchema,
  reportId,
  signOffRole,
} from '../../core/report/report-schema.js';

/** Where reports are asked for: what stands in paths and queries. Bodies are those of `core/report/report-schema.ts`. */
const index = z.string().regex(/^\d{1,6}$/, 'must be a whole number');

export const reportPath = z.strictObject({ report_id: reportId });
export const componentPath = reportPath.extend({ component_type: componentType });
export const versionPath = reportPath.extend({ version: index.transform(Number) });
export const rolePath = reportPath.extend({ role: signOffRole });
export const conditionPath = rolePath.extend({ condition: index.transform(Number) });

export const historyQuery = historyPlaceSchema.extend({
  limit: z.coerce.number().int().min(1).max(200).optional().describe('Default 200'),
});
export const listQuery = reportFilterSchema.extend({
  limit: z.coerce.number().int().min(1).max(200).optional().describe('Default 50'),
});
export const exportQuery = z.strictObject({ format: z.enum(['json', 'csv', 'markdown']).default('json') });
export const nameQuery = z.strictObject({ name: attachmentName });
export const attachQuery = nameQuery.extend({ component_type: componentType.optional() });
