import { many, type VerbSpec } from './verb.js';

export interface PartsOptions {
  procedures?: string[];
  module?: string[];
}

export const PARTS_OPTIONS: NonNullable<VerbSpec['options']> = [
  ['--procedures <file>', 'a procedure of yours, JSON or YAML (repeatable)', many],
  [
    '--module <file>',
    'a module whose default export is { procedures?, rules?, actions?, transformers?, phases?, plugins? } (repeatable)',
    many,
  ],
];
