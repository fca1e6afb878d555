/** The six kinds of test that S3 (002_7a9a639d82fa51d9.txt) lists. */
export type ReliabilityType =
  | 'reliability'
  | 'performance'
  | 'stress'
  | 'failure_injection'
  | 'concurrency'
  | 'endurance';

/** How a reliability test runs. */
export interface ReliabilityConfiguration {
  id: string;
  type: ReliabilityType;
  /** Handoffs that it starts. */
  iterations: number;
  /** Seconds for the whole test; it grows with the iterations where those are raised. */
  timeoutSeconds: number;
  /** Handoffs that are open at once, at most. */
  concurrency: number;
  /** Multiplies the load: how many are open at once, and what each carries. Default 1. */
  stressFactor?: number;
  /** Share of step attempts that fail, 0 to 1. Default 0. */
  failureRate?: number;
}

/** S3's own, with its numbers. */
export const RELIABILITY_CONFIGURATIONS: readonly ReliabilityConfiguration[] = [
  { id: 'RELIABILITY_STANDARD', type: 'reliability', iterations: 100, timeoutSeconds: 30, concurrency: 5 },
  { id: 'PERFORMANCE_STANDARD', type: 'performance', iterations: 50, timeoutSeconds: 60, concurrency: 10 },
  { id: 'STRESS_STANDARD', type: 'stress', iterations: 25, timeoutSeconds: 120, concurrency: 20, stressFactor: 2 },
  {
    id: 'FAILURE_INJECTION_STANDARD',
    type: 'failure_injection',
    iterations: 75,
    timeoutSeconds: 45,
    concurrency: 5,
    failureRate: 0.1,
  },
  { id: 'CONCURRENCY_STANDARD', type: 'concurrency', iterations: 30, timeoutSeconds: 90, concurrency: 50 },
  { id: 'ENDURANCE_STANDARD', type: 'endurance', iterations: 200, timeoutSeconds: 180, concurrency: 3 },
];
