import { XMLParser } from 'fast-xml-parser';
import { isFields, type Fields } from '../../core/fields.js';

/** Deeper than any report is. */
const DEPTH = 60;

/** Attributes and children by their names; attributes are texts. No entities, nothing fetched. */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: false,
  removeNSPrefix: true,
  maxNestedTags: DEPTH,
});

/** What may stand before the first element: white space, declarations, comments. */
const BEFORE = /^\uFEFF?(?:\s|<\?[^]*?\?>|<!--[^]*?-->)*/;

/** The first element's name, without its prefix, and where it begins. A DOCTYPE with a part of its own is told as `!DOCTYPE`. */
function first(text: string, from = 0): { name: string; at: number } | undefined {
  const at = from + BEFORE.exec(text.slice(from))![0].length;
  const rest = text.slice(at);
  const doctype = /^<!DOCTYPE[^>[]*[>[]/i.exec(rest)?.[0];
  if (doctype) return doctype.endsWith('[') ? { name: '!DOCTYPE', at } : first(text, at + doctype.length);
  const name = /^<(?:[\w.-]+:)?([\w.-]+)/.exec(rest)?.[1];
  return name === undefined ? undefined : { name, at };
}

/** The name of the first element of an XML text; undefined where it is no XML at all. */
export const rootOf = (text: string): string | undefined => first(text)?.name;

/** The first element, if it has one of these names. Throws what is wrong with a text that is not well formed, or declares entities. */
export function parseXml(text: string, ...names: string[]): { name: string; element: Fields } {
  const root = first(text);
  if (root?.name === '!DOCTYPE')
    throw new Error('its DOCTYPE declares entities or elements of its own, which is not read');
  if (root && !isWhole(text, root)) throw new Error('it is cut off');
  const parsed = parser.parse(text) as Fields;
  const name = names.find((n) => Object.hasOwn(parsed, n));
  if (name === undefined) throw new Error(`no element ${names.join(' or ')} at its top`);
  const element = parsed[name];
  return { name, element: isFields(element) ? element : {} };
}

/** Whether the first element is closed where the text ends: the parser takes one that is not for closed. */
function isWhole(text: string, { name, at }: { name: string; at: number }): boolean {
  let end = text.trimEnd();
  while (end.endsWith('-->')) end = end.slice(0, Math.max(0, end.lastIndexOf('<!--'))).trimEnd();
  const last = end.lastIndexOf('<');
  // One that closes itself is the only element there is.
  if (end.endsWith('/>')) return last === at;
  return /^<\/(?:[\w.-]+:)?([\w.-]+)\s*>$/.exec(end.slice(last))?.[1] === name;
}

/** Children of that name, in order; one that has neither attributes nor children is an empty one. */
export function childrenOf(element: Fields, name: string): Fields[] {
  if (!Object.hasOwn(element, name)) return [];
  const found = element[name];
  return (Array.isArray(found) ? found : [found]).map((child) => (isFields(child) ? child : {}));
}

/** A count that is stated: a whole number that is not negative. Undefined where none is; throws where it is something else. */
export function countOf(element: Fields, name: string): number | undefined {
  const stated = Object.hasOwn(element, name) ? element[name] : undefined;
  if (stated === undefined || stated === '') return undefined;
  const count = Number(stated);
  if (!Number.isSafeInteger(count) || count < 0)
    throw new Error(`${name} is ${JSON.stringify(stated)}, which is no count`);
  return count;
}
