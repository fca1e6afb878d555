import { HandoffError } from '../../core/errors.js';
import { FileHandoffStorage } from './file-storage.js';

/** The packages of a folder for who may only look. */
export class LookedAtPackages extends FileHandoffStorage {
  override save(): Promise<void> {
    return Promise.reject(refused());
  }

  override delete(): Promise<boolean> {
    return Promise.reject(refused());
  }
}

const refused = (): HandoffError => new HandoffError('INTERNAL', { why: 'a package was to be written in a dry run' });
