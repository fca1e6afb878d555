import { closeSync, fstatSync, lstatSync, openSync, type BigIntStats } from 'node:fs';
import { HandoffError } from '../../core/errors.js';
import { READ } from './anchor.js';
import { readFault } from './faults.js';
import { bytesOf, textOf, type Raw } from './raw.js';

/** What is at a path, without following it. */
export function lookAt(artifact: string, at: Raw): BigIntStats {
  try {
    return lstatSync(bytesOf(at), { bigint: true });
  } catch (error) {
    throw readFault(error, artifact, textOf(at), true);
  }
}

/** Opens a file to be read, without following a link or waiting for a fifo. */
export function openToRead(artifact: string, at: Raw, shown: string, top: boolean): { fd: number; s: BigIntStats } {
  let fd: number;
  try {
    fd = openSync(bytesOf(at), READ);
  } catch (error) {
    throw readFault(error, artifact, shown, top);
  }
  const s = fstatSync(fd, { bigint: true });
  if (s.isFile()) return { fd, s };
  closeSync(fd);
  throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact, path: shown });
}
