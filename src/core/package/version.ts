import { HandoffError } from '../errors.js';
import { printable } from '../ids.js';
import { PACKAGE_VERSION } from './package.js';

/** Whether this release reads a package of that version: its major decides. Throws INVALID_PACKAGE, PACKAGE_VERSION. */
export function checkPackageVersion(version: unknown): void {
  if (version === undefined || version === null || version === '')
    throw new HandoffError('INVALID_PACKAGE', { issues: 'missing version' });
  if (typeof version !== 'string' || !/^\d{1,9}(\.\d{1,9}){0,2}$/.test(version)) {
    const shown = typeof version === 'string' ? printable(version) : typeof version;
    throw new HandoffError('INVALID_PACKAGE', {
      issues: `version: ${shown} is not a version such as ${PACKAGE_VERSION}`,
    });
  }
  if (majorOf(version) !== majorOf(PACKAGE_VERSION))
    throw new HandoffError('PACKAGE_VERSION', { version, expected: PACKAGE_VERSION });
}

const majorOf = (version: string): number => Number(version.split('.')[0]);
