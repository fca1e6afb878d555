import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** uPlot as its package has it: the script, which defines `uPlot`, and its style. */
export function uplot(): { script: string; style: string } {
  const dist = path.dirname(createRequire(import.meta.url).resolve('uplot'));
  const read = (name: string): string => readFileSync(path.join(dist, name), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}
