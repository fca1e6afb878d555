export function found(): { made: number; links: string[] };
export function breakIn(): string;
export function readable(): string;
export function isFocused(el: unknown): boolean;
export function focused(): { name: string; seen: boolean };
export function measured(): { width: number; poor: string[] };
export function openAll(all: unknown[]): void;
export function hrefs(all: unknown[]): (string | null)[];
