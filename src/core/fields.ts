export type Fields = Record<string, unknown>;

/** Whether a value is an object with fields: no list, and not null. */
export const isFields = (v: unknown): v is Fields => typeof v === 'object' && v !== null && !Array.isArray(v);
