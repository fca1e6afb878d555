import path from 'node:path';

export type Schema = Record<string, unknown>;

/** What a schema file's own name stands for, so that a reference beside it is found by its name. */
const BASE = 'handoff:///';

export const isSchema = (v: unknown): v is Schema => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Keywords whose value has schemas under names of the author's choice. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);
/** Keywords whose value is data. */
const DATA = new Set(['const', 'enum', 'examples', 'default']);

export const uriOf = (name: string): string => new URL(encodeURI(name), BASE).href;

function resolve(ref: string, base: string): string {
  try {
    return new URL(ref, base).href;
  } catch {
    return ref;
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
const keyOf = (uri: string): string => decoded(uri.replace(/#$/, ''));

/** Where the references of a set of schemas lead, by the name of each. */
export class SchemaIndex {
  private readonly byUri = new Map<string, unknown>();
  private readonly anchors = new Map<string, Schema>();
  private readonly baseOf = new Map<Schema, string>();

  constructor(schemas: ReadonlyMap<string, unknown>) {
    for (const [name, schema] of schemas) {
      for (const uri of [uriOf(name), name]) this.byUri.set(keyOf(uri), schema);
      this.walk(schema, uriOf(name));
    }
    // Beside a schema with an `$id` of its own, its neighbours have addresses beside that.
    for (const [name, schema] of schemas) {
      const base = isSchema(schema) ? this.baseOf.get(schema)! : BASE;
      for (const [other, neighbour] of schemas) {
        const beside = keyOf(resolve(encodeURI(path.posix.relative(path.posix.dirname(name), other)), base));
        if (!this.byUri.has(beside)) this.byUri.set(beside, neighbour);
      }
    }
  }

  private walk(node: unknown, base: string, isMap = false): void {
    if (Array.isArray(node)) for (const one of node) this.walk(one, base);
    if (!isSchema(node)) return;
    const own = isMap ? base : this.register(node, base);
    for (const [key, value] of Object.entries(node))
      if (isMap || !DATA.has(key)) this.walk(value, own, !isMap && MAPS.has(key));
  }

  private register(node: Schema, outer: string): string {
    const { $id, $anchor, $dynamicAnchor } = node;
    const isAnchor = typeof $id === 'string' && $id.startsWith('#');
    const base = typeof $id === 'string' && !isAnchor ? resolve($id, outer) : outer;
    if (base !== outer) this.byUri.set(keyOf(base), node);
    for (const name of [$anchor, $dynamicAnchor, isAnchor ? $id.slice(1) : undefined])
      if (typeof name === 'string') this.anchors.set(`${keyOf(base)}#${name}`, node);
    this.baseOf.set(node, base);
    return base;
  }

  /** The schema at an address, if it is one of the set. */
  find(uri: string): unknown {
    return this.byUri.get(keyOf(uri));
  }

  private target(ref: string, from: Schema): unknown {
    const uri = resolve(ref, this.baseOf.get(from) ?? BASE);
    const [document = '', fragment = ''] = uri.split('#');
    const root = this.find(document);
    const place = decoded(fragment);
    if (place === '') return root;
    if (!place.startsWith('/')) return this.anchors.get(`${keyOf(document)}#${place}`);
    let node = root;
    for (const part of place.slice(1).split('/')) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
      node = (node as Record<string, unknown>)[key];
    }
    return node;
  }

  /** Schemas that are applied to the very value that `node` is applied to, and the reference that leads there. */
  private *inPlace(node: Schema): Generator<{ to: Schema; by?: string }> {
    for (const key of ['$ref', '$dynamicRef']) {
      const ref = node[key];
      const to = typeof ref === 'string' ? this.target(ref, node) : undefined;
      if (isSchema(to)) yield { to, by: ref as string };
    }
    for (const key of ['allOf', 'anyOf', 'oneOf'])
      if (Array.isArray(node[key])) for (const to of node[key] as unknown[]) if (isSchema(to)) yield { to };
    for (const key of ['not', 'if', 'then', 'else']) if (isSchema(node[key])) yield { to: node[key] };
    for (const key of ['dependentSchemas', 'dependencies'])
      if (isSchema(node[key])) for (const to of Object.values(node[key])) if (isSchema(to)) yield { to };
  }

  /** References that lead back to where they stand without going down in the data, so that a check would never end. */
  cycle(root: unknown): string[] | undefined {
    const done = new Set<Schema>();
    const way: { node: Schema; by?: string }[] = [];
    const visit = (node: Schema): string[] | undefined => {
      if (done.has(node)) return undefined;
      const from = way.findIndex((w) => w.node === node);
      if (from >= 0) return way.slice(from).flatMap((w) => w.by ?? []);
      for (const { to, by } of this.inPlace(node)) {
        way.push({ node, ...(by === undefined ? {} : { by }) });
        const found = visit(to);
        if (found) return found;
        way.pop();
      }
      done.add(node);
      return undefined;
    };
    // What is below is applied to other values, but may go round by itself.
    for (const node of reachable(root, (n) => [...this.inPlace(n)].map((e) => e.to))) {
      const found = visit(node);
      if (found) return found;
    }
    return undefined;
  }
}

function reachable(root: unknown, next: (node: Schema) => Schema[]): Set<Schema> {
  const seen = new Set<Schema>();
  const todo: unknown[] = [root];
  while (todo.length > 0) {
    const node = todo.pop();
    if (Array.isArray(node)) for (const one of node) todo.push(one);
    if (!isSchema(node) || seen.has(node)) continue;
    seen.add(node);
    todo.push(...next(node));
    for (const [key, value] of Object.entries(node)) if (!DATA.has(key)) todo.push(value);
  }
  return seen;
}
