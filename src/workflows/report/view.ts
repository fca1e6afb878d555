import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { waitsFor } from '../../core/report/waits.js';
import { blockedReport, reportWords } from '../../core/report/words.js';
import { SEARCH_KEYS } from '../../core/search-keys.js';
import type { ReportRun } from './run.js';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const STATUS = keyword(SEARCH_KEYS.status);
const BLOCKED = keyword(SEARCH_KEYS.reasonBlocked);
const TARGET = keyword(SEARCH_KEYS.target);

/** Keeps what the Web UI shows of a report: current details, and the search attributes that change. */
export function showReport(run: ReportRun): void {
  let shown = '';
  const show = (): void => {
    const now = Date.now();
    const { state } = run;
    setCurrentDetails(reportWords(state, now));
    const blocked = blockedReport(state, now);
    const whom = waitsFor(state, now)?.whom.join(', ').slice(0, 200);
    const next = JSON.stringify([state.status, blocked, whom]);
    if (next === shown) return;
    shown = next;
    upsertSearchAttributes([
      { key: STATUS, value: state.status },
      { key: BLOCKED, value: blocked ?? null },
      { key: TARGET, value: whom ?? null },
    ]);
  };
  run.changed = show;
  show();
}
