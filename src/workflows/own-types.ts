/**
 * A user's own workflows that stand in one bundle with ours. The bundle's entry fills it before a run begins (see
 * `temporal/shared-bundle.ts`); in our own bundle it stays as it is.
 */
export const own = { shared: false, types: new Set<string>() };
