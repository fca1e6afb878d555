import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What `handoff dev` leaves in its folder for other verbs. Without an address it is still starting. */
export interface DevInfo {
  pid: number;
  address?: string;
  uiUrl?: string;
  /** Of the HTTP API and its page. */
  apiUrl?: string;
}

const fileIn = (folder: string): string => path.join(path.resolve(folder), 'dev.json');

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** The `handoff dev` that runs on a folder; undefined where none does, also where one was killed. */
export function readDevInfo(folder: string): DevInfo | undefined {
  try {
    const info = JSON.parse(readFileSync(fileIn(folder), 'utf8')) as DevInfo;
    return Number.isInteger(info.pid) && isAlive(info.pid) ? info : undefined;
  } catch {
    return undefined;
  }
}

/** Written whole, because others read it at any moment. */
export function writeDevInfo(folder: string, info: DevInfo): void {
  const file = fileIn(folder);
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(info)}\n`);
  renameSync(`${file}.${process.pid}`, file);
}

export const removeDevInfo = (folder: string): void => rmSync(fileIn(folder), { force: true });
