import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HandoffError, Issue } from '../../src/core/errors.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { SETTINGS, readSettings, showSettings } from '../../src/core/service/settings-schema.js';

function refusalOf(env: Record<string, string>): HandoffError {
  try {
    readSettings(env);
  } catch (error) {
    return error as HandoffError;
  }
  throw new Error('it was taken');
}

describe('the settings of the environment', () => {
  test('are the defaults where nothing is said; empty is nothing, and others’ names are not ours', () => {
    const env = { AGENT_HANDOFF_PORT: ' ', PATH: '/bin', HANDOFF_TEMPORAL_PATH: 'x', AGENT_HANDOFFS: '1' };
    expect(readSettings(env)).toEqual(DEFAULT_SETTINGS);
    expect(showSettings({}).every((s) => s.source === 'default' && s.value === s.default)).toBe(true);
  });

  test('by the names and values of the document', () => {
    const settings = readSettings({
      AGENT_HANDOFF_MAX_REPORT_SIZE_MB: '2.5',
      AGENT_HANDOFF_REVIEW_TIMEOUT_DAYS: '3',
      AGENT_HANDOFF_SIGN_OFF_EXPIRY_DAYS: '14',
      AGENT_HANDOFF_AUTO_APPROVAL_THRESHOLD: '0.75',
      AGENT_HANDOFF_ENABLE_NOTIFICATIONS: 'false',
      AGENT_HANDOFF_ENABLE_AUTO_VALIDATION: 'FALSE',
      AGENT_HANDOFF_REQUIRED_SIGN_OFFS: 'developer, architect',
    });
    expect(settings).toEqual({
      ...DEFAULT_SETTINGS,
      maxReportBytes: 2.5 * 1024 * 1024,
      notifications: false,
      terms: {
        ...DEFAULT_SETTINGS.terms,
        reviewTimeoutDays: 3,
        signOffExpiryDays: 14,
        autoApprovalThreshold: 0.75,
        autoValidation: false,
        requiredSignOffs: ['developer', 'architect'],
      },
    });
    expect(readSettings({ AGENT_HANDOFF_AUTO_APPROVAL_THRESHOLD: 'off' }).terms.autoApprovalThreshold).toBeUndefined();
  });

  test('show what they are, and read again are the same', () => {
    const env = {
      AGENT_HANDOFF_CORS_ORIGINS: 'https://a.example,https://b.example',
      AGENT_HANDOFF_ESCALATION_CHAIN: '@lead,admin',
      AGENT_HANDOFF_PORT: '9000',
    };
    const shown = showSettings(env);
    const set = shown.filter((s) => s.source === 'environment').map((s) => s.name);
    expect(set.toSorted()).toEqual(Object.keys(env).toSorted());
    const again = Object.fromEntries(
      shown.flatMap(({ name, value }) => (name.startsWith('AGENT_HANDOFF_AUDIT') ? [] : [[name, value]])),
    );
    expect(readSettings(again)).toEqual(readSettings(env));
  });

  test('are refused all at once, by their names, with what is expected', () => {
    const wrong = {
      AGENT_HANDOFF_PROT: '80',
      AGENT_HANDOFF_PORT: '70000',
      AGENT_HANDOFF_REVIEW_TIMEOUT_DAYS: 'soon',
      AGENT_HANDOFF_AUTO_APPROVAL_THRESHOLD: '1.5',
      AGENT_HANDOFF_ENABLE_NOTIFICATIONS: 'maybe',
      AGENT_HANDOFF_REQUIRED_SIGN_OFFS: 'developer,boss',
      AGENT_HANDOFF_CORS_ORIGINS: '*',
      AGENT_HANDOFF_SOMETHING_ELSE_ALTOGETHER: '1',
      AGENT_HANDOFF_CACHE_SECONDS: '-1',
    };
    const { code, params } = refusalOf(wrong);
    expect(code).toBe('INVALID_SETTINGS');
    const list = params['list'] as Issue[];
    expect(list.map((i) => i.path).toSorted()).toEqual(Object.keys(wrong).toSorted());
    const of = (name: string) => list.find((i) => i.path === name)?.message;
    expect(of('AGENT_HANDOFF_PROT')).toBe('is no setting; did you mean AGENT_HANDOFF_PORT?');
    expect(of('AGENT_HANDOFF_SOMETHING_ELSE_ALTOGETHER')).toBe('is no setting');
    expect(of('AGENT_HANDOFF_PORT')).toBe('expected a whole number of 0 to 65535, got "70000"');
    expect(of('AGENT_HANDOFF_REQUIRED_SIGN_OFFS')).toContain('expected some of developer, tech_lead');
    expect(of('AGENT_HANDOFF_ENABLE_NOTIFICATIONS')).toBe('expected true or false, got "maybe"');
  });

  test('there is one for every field', () => {
    const { terms, ...own } = DEFAULT_SETTINGS;
    const fields = [...Object.keys(own), ...Object.keys(terms).map((name) => `terms.${name}`)];
    const named = Object.values(SETTINGS).map((s) => s.field);
    expect(named.toSorted()).toEqual([...fields, 'auditAnchors', 'auditKey'].toSorted());
  });
});

const MARKED = /<!-- settings -->\n([^]*)<!-- end -->/;

test('docs/configuration.md has each of them, as it is (HANDOFF_REFERENCE=1 writes it anew)', async () => {
  const file = path.resolve(import.meta.dirname, '../../docs/configuration.md');
  const rows = showSettings({}).map(
    (s) => `| \`${s.name}\` | ${s.default ? `\`${s.default}\`` : 'none'} | ${s.means} |`,
  );
  const table = ['', '| Name | Default | What it means |', '| --- | --- | --- |', ...rows, '', ''].join('\n');
  const written = readFileSync(file, 'utf8');
  if (process.env['HANDOFF_REFERENCE']) {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, written.replace(MARKED, `<!-- settings -->\n${table}<!-- end -->`));
  }
  expect(MARKED.exec(readFileSync(file, 'utf8'))?.[1]).toBe(table);
});
