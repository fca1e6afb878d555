import { describe, expect, it } from 'vitest';
import { nearName } from '../../src/core/near.js';

const KNOWN = ['@code-architect', '@nodejs-specialist', '@qa', 'reviewer', '@reviewer-2'];

describe('the name that was meant', () => {
  it.each([
    ['@nodejs-specialst', '@nodejs-specialist'],
    ['@node-js-specialist', '@nodejs-specialist'],
    ['@nodejs-spezialist', '@nodejs-specialist'],
    ['code-architect', '@code-architect'],
    ['@reviewer', 'reviewer'],
    ['@qb', '@qa'],
    ['qa', '@qa'],
    // Three letters wrong, or as many as a short name has, is another name.
    ['@nodejs-speci', undefined],
    ['@ab', undefined],
    ['x', undefined],
    ['', undefined],
  ])('%s: %s', (name, meant) => expect(nearName(name, KNOWN)).toBe(meant));

  it('is never the name itself', () => expect(nearName('@qa', ['@qa'])).toBeUndefined());
});
