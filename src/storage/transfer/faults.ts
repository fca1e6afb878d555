import { HandoffError } from '../../core/errors.js';
import { failpointSync } from '../../faults/failpoint.js';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? '';

const WRITE_FAULTS: Record<string, string> = {
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  EXDEV: 'it lies on another file system than the root, and a rename cannot cross',
  ENAMETOOLONG: 'a name or path is too long for the file system',
  EMLINK: 'the folder has too many entries',
};

/** What the operating system said while something was written, in our words. `where`: what was to be written. */
function writeFault(error: unknown, where: string): unknown {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new HandoffError('DISK_FULL', { path: where }, { cause: error });
  const why = WRITE_FAULTS[code];
  return why ? new HandoffError('DESTINATION_NOT_WRITABLE', { path: where, why }, { cause: error }) : error;
}

/**
 * What the operating system said while an artifact was read. `top`: the artifact itself; what is below it was there a
 * moment ago.
 */
export function readFault(error: unknown, artifact: string, where: string, top: boolean): unknown {
  switch (codeOf(error)) {
    case 'ENOENT':
      return top
        ? new HandoffError('ARTIFACT_MISSING', { artifact, path: where })
        : changed(artifact, `${where} vanished`);
    case 'ELOOP':
    case 'ENOTDIR':
    case 'EINVAL':
    case 'ENXIO':
      return changed(artifact, `${where} became something else, such as a symbolic link`);
    case 'EACCES':
    case 'EPERM':
      return new HandoffError('ARTIFACT_UNREADABLE', { artifact, path: where }, { cause: error });
    default:
      return error;
  }
}

export const changed = (artifact: string, why: string): HandoffError =>
  new HandoffError('ARTIFACT_CHANGED', { artifact, why });

/** Runs what writes; throws DISK_FULL and DESTINATION_NOT_WRITABLE for what the operating system says. */
export function writing<T>(where: string, work: () => T): T {
  try {
    failpointSync('stage.write');
    return work();
  } catch (error) {
    throw writeFault(error, where);
  }
}
