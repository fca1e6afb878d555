/** One metric of a scrape. */
export interface Family {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`;

/**
 * Reads Prometheus' text format as strictly as its own parser: HELP and TYPE before the samples, every line one of the three, names
 * and labels well formed, no sample twice, histograms whole and rising. Throws where it is not so.
 */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current: Family | undefined;
  let name = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const help = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
    if (help) {
      name = help[1]!;
      if (families.has(name)) throw new Error(`${name} comes twice`);
      families.set(name, (current = { type: '', help: help[2]!, samples: [] }));
      continue;
    }
    if (type) {
      if (type[1] !== name || !current || current.type) throw new Error(`TYPE where it does not belong: ${line}`);
      current.type = type[2]!;
      continue;
    }
    const sample = new RegExp(String.raw`^(${NAME})(?:\{(${LABEL}(?:,${LABEL})*)\})? (\S+)$`).exec(line);
    if (!sample || !current?.type) throw new Error(`no sample: ${line}`);
    const suffix = sample[1]!.slice(name.length);
    const fits = current.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!sample[1]!.startsWith(name) || !fits.includes(suffix)) throw new Error(`${line} is not of ${name}`);
    const pairs = [...(sample[2] ?? '').matchAll(new RegExp(LABEL, 'g'))].map(([pair]) => {
      const [key = '', ...rest] = pair.split('=');
      return [key, JSON.parse(rest.join('=')) as string] as const;
    });
    const value = Number(sample[3]);
    if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
    const labels = Object.fromEntries(pairs);
    const key = JSON.stringify([sample[1], Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    if (seen.has(key) || pairs.length !== Object.keys(labels).length) throw new Error(`twice: ${line}`);
    seen.add(key);
    current.samples.push({ name: sample[1]!, labels, value });
  }
  for (const [family, { type, samples }] of families) {
    if (type === 'counter' && !family.endsWith('_total')) throw new Error(`${family} is a counter without _total`);
    if (type === 'counter' && samples.some((s) => s.value < 0)) throw new Error(`${family} is below 0`);
    if (type === 'histogram') checkHistogram(family, samples);
  }
  return families;
}

function checkHistogram(name: string, samples: Family['samples']): void {
  const keyOf = ({ le: _, ...labels }: Record<string, string>): string => JSON.stringify(labels);
  for (const key of new Set(samples.map((s) => keyOf(s.labels)))) {
    const mine = samples.filter((s) => keyOf(s.labels) === key);
    const of = (suffix: string) => mine.filter((s) => s.name === `${name}${suffix}`);
    const buckets = of('_bucket');
    const bounds = buckets.map((b) => (b.labels['le'] === '+Inf' ? Infinity : Number(b.labels['le'])));
    const rising = (list: number[], strictly: boolean) =>
      list.every((v, i) => i === 0 || (strictly ? v > list[i - 1]! : v >= list[i - 1]!));
    const [sum, count] = [of('_sum'), of('_count')];
    const whole = sum.length === 1 && count.length === 1 && bounds.at(-1) === Infinity;
    if (
      !whole ||
      !rising(bounds, true) ||
      !rising(
        buckets.map((b) => b.value),
        false,
      )
    )
      throw new Error(`${name} ${key} is no whole histogram`);
    if (buckets.at(-1)!.value !== count[0]!.value) throw new Error(`${name} ${key}: +Inf is not its count`);
  }
}
