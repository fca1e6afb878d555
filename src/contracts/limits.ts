/** How much a check of foreign artifacts and schemas may take. */
export interface Limits {
  /** Milliseconds that one artifact's check, or one transformer, may take. */
  timeMs: number;
  /** Megabytes that the thread which checks may take. Below 512, reading may end the process: V8 cannot stop midway in it. */
  memoryMb: number;
  /** Bytes of one schema as JSON. */
  schemaBytes: number;
  schemaDepth: number;
  /** Bytes of an artifact that is parsed or transformed. One that is only moved may have any size. */
  artifactBytes: number;
  artifactDepth: number;
  /** Values in a JSON text. */
  artifactValues: number;
  /** Faults that are told of one artifact; the rest is counted. */
  faults: number;
}

export const DEFAULT_LIMITS: Readonly<Limits> = {
  timeMs: 5000,
  memoryMb: 1024,
  schemaBytes: 1 << 20,
  schemaDepth: 64,
  artifactBytes: 64 << 20,
  artifactDepth: 256,
  artifactValues: 4_000_000,
  faults: 200,
};

/** A small artifact may refer to itself so often that it grows to gigabytes. */
export const MAX_YAML_ALIASES = 100;
