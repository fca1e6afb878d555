const parts = (version: string): number[] => version.split('.').map(Number);

/** Orders versions such as 1.10.0 by their numbers, the newest first. */
export const newestFirst = (a: { version: string }, b: { version: string }): number => {
  const [x, y] = [parts(a.version), parts(b.version)];
  return y[0]! - x[0]! || y[1]! - x[1]! || y[2]! - x[2]!;
};
