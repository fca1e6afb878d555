import { LineCounter, parseDocument } from 'yaml';
import { HandoffError } from '../errors.js';
import { faultAt } from './fault.js';

/** Aliases may multiply a small document to gigabytes; ours need a handful. */
const MAX_ALIASES = 100;

/** Whether a text can only be JSON: what begins like an object and is no JSON deserves JSON's message. */
const formatOf = (source: string, text: string): 'JSON' | 'YAML' =>
  /\.json$/i.test(source) || (!/\.ya?ml$/i.test(source) && /^\s*[[{]/.test(text)) ? 'JSON' : 'YAML';

/**
 * A JSON or YAML text as a value. Without `format`, by the end of the source's name, else by how the text begins. Throws
 * INVALID_JSON with line and column.
 */
export function parseText(text: string, source: string, format = formatOf(source, text)): unknown {
  const invalid = (why: string): HandoffError => new HandoffError('INVALID_JSON', { source, format, why });
  if (text.trim() === '') throw invalid('it is empty');
  if (format === 'JSON') {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw invalid(jsonFault(text, error as Error));
    }
  }
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
    const [fault] = document.errors;
    if (!fault) return document.toJS({ maxAliasCount: MAX_ALIASES });
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    throw invalid(`line ${line}, column ${col}: ${fault.message}`);
  } catch (error) {
    // Too many aliases, or nested so deeply that the parser gives up.
    throw error instanceof HandoffError ? error : invalid((error as Error).message);
  }
}

/** JSON.parse's message, with line and column. */
function jsonFault(text: string, { message }: Error): string {
  const before = text.slice(0, faultAt(text)).split('\n');
  const why = message
    .replace(/ in JSON at position \d+.*$/s, '')
    .replace(/, .*is not valid JSON$/s, '')
    .replace(/\s+/g, ' ');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}: ${why}`;
}
