import { HandoffError } from '../../core/errors.js';
import {
  PACKAGE_STATUSES,
  packageStatus,
  type PackageFilter,
  type PipelineHandoffPackage,
} from '../../core/package/package.js';

/** Throws INVALID_REQUEST. */
export function checkPackageFilter({ status, createdAfter }: PackageFilter): void {
  if (status !== undefined && !PACKAGE_STATUSES.includes(status))
    throw new HandoffError('INVALID_REQUEST', { issues: `/status: must be one of ${PACKAGE_STATUSES.join(', ')}` });
  if (createdAfter !== undefined && !(createdAfter instanceof Date && !Number.isNaN(createdAfter.getTime())))
    throw new HandoffError('INVALID_REQUEST', { issues: '/createdAfter: must be a Date' });
}

/** Whether it passes all four filters now. */
export function fitsPackageFilter(handoff: PipelineHandoffPackage, filter: PackageFilter): boolean {
  const { sessionId, cloneId, status, createdAfter } = filter;
  return (
    (sessionId === undefined || handoff.sessionId === sessionId) &&
    (cloneId === undefined || handoff.cloneId === cloneId) &&
    (createdAfter === undefined || handoff.createdAt >= createdAfter) &&
    (status === undefined || packageStatus(handoff, Date.now()) === status)
  );
}
