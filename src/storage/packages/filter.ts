import { HandoffError } from '../../core/errors.js';
import type { PackageFilter, PipelineHandoffPackage } from '../../core/package.js';

const STATUSES = ['active', 'expired'];

/** Throws INVALID_REQUEST. */
export function checkPackageFilter({ status, createdAfter }: PackageFilter): void {
  if (status !== undefined && !STATUSES.includes(status))
    throw new HandoffError('INVALID_REQUEST', { issues: `/status: must be one of ${STATUSES.join(', ')}` });
  if (createdAfter !== undefined && !(createdAfter instanceof Date && !Number.isNaN(createdAfter.getTime())))
    throw new HandoffError('INVALID_REQUEST', { issues: '/createdAfter: must be a Date' });
}

/** Whether it passes all four filters now. Without an expiry it is active for ever. */
export function fitsPackageFilter(handoff: PipelineHandoffPackage, filter: PackageFilter): boolean {
  const { sessionId, cloneId, status, createdAfter } = filter;
  const { expiresAt } = handoff.metadata;
  const expired = expiresAt !== undefined && expiresAt.getTime() < Date.now();
  return (
    (sessionId === undefined || handoff.sessionId === sessionId) &&
    (cloneId === undefined || handoff.cloneId === cloneId) &&
    (createdAfter === undefined || handoff.createdAt >= createdAfter) &&
    (status === undefined || (status === 'expired') === expired)
  );
}
