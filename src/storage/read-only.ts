import { existsSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * The address under which a SQLite file can only be read, and no file is made beside it. libsql ignores its `readonly`
 * option; SQLite's own URI does what it says.
 */
export const readOnlyUri = (file: string, alone = isAlone(file)): string =>
  `${pathToFileURL(file).href}?mode=ro${alone ? '&immutable=1' : ''}`;

/**
 * Whether nobody has the database open. Then it is read as one that does not change, because any other reader would
 * leave its lock table and an empty log behind. With others, or with a log that a killed process left, the lock table
 * is there already.
 */
export const isAlone = (file: string): boolean =>
  !existsSync(`${file}-shm`) && !statSync(`${file}-wal`, { throwIfNoEntry: false })?.size;
