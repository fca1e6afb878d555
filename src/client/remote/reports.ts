import { HandoffError } from '../../core/errors.js';
import type { ReportFilter, ReportView } from '../../core/report/view.js';
import type { Reports, WriteOptions } from '../reports/port.js';
import { bounded, pathTo, type Call, type Http, type Query } from './http.js';

/** What a report's id can be in a path; of another none exists. */
const REPORT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const of = (id: string, ...more: (string | number)[]): string => {
  if (typeof id === 'string' && REPORT_ID.test(id)) return pathTo('reports', id, ...more);
  throw new HandoffError('REPORT_NOT_FOUND', { report: String(id).slice(0, 200) });
};

const writing = ({ ifMatch, idempotencyKey }: WriteOptions = {}): Call => ({
  ...(ifMatch === undefined ? {} : { ifMatch }),
  ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
});

const asQuery = (filter: ReportFilter = {}): Query => ({ ...filter });
const refreshing = ({ forceRefresh }: { forceRefresh?: boolean } = {}): Query => ({ force_refresh: forceRefresh });

/** Reports over HTTP, on behalf of the agent whose key the client has: the service decides what it may. */
export function remoteReports(http: Http): Reports {
  const post = async (path: string, body: unknown, options?: WriteOptions): Promise<ReportView> =>
    http.send('POST', path, bounded(body, 'The report'), writing(options));
  const text = async (path: string, query: Query): Promise<{ mediaType: string; text: string }> => {
    const { type, bytes } = await http.call('GET', path, { query });
    return { mediaType: type, text: Buffer.from(bytes).toString('utf8') };
  };
  return {
    create: async (report, options) => post('/reports', report, options),
    get: async (id) => http.get(of(id)),
    list: async (filter) => http.get('/reports', asQuery(filter)),
    update: async (id, change, options) => http.send('PUT', of(id), bounded(change, 'The report'), writing(options)),
    updateComponent: async (id, component, change, options) =>
      http.send('PUT', of(id, 'components', component), bounded(change, 'The report'), writing(options)),
    attach: async (id, { name, media_type: type, component_type, bytes }, options) => {
      const call = { ...writing(options), query: { name, component_type }, bytes: { type, bytes } };
      return http.send('PUT', of(id, 'attachments'), undefined, call);
    },
    detach: async (id, name, options) =>
      http.send('DELETE', of(id, 'attachments'), undefined, { ...writing(options), query: { name } }),
    attachment: async (id, name) => {
      const { bytes } = await http.call('GET', of(id, 'attachments'), { query: { name } });
      const { attachments } = await http.get<ReportView>(of(id));
      const attachment = attachments.find((a) => a.name === name);
      if (attachment) return { attachment, bytes };
      throw new HandoffError('CONTENT_MISSING', { uri: name });
    },
    submit: async (id, submission = {}, options) => post(of(id, 'submit'), submission, options),
    review: async (id, review, options) => post(of(id, 'review'), review, options),
    enterFact: async (id, fact, options) => post(of(id, 'facts'), fact, options),
    signOff: async (id, signOff, options) => post(of(id, 'sign-off'), signOff, options),
    revokeSignOff: async (id, role, why, options) => post(of(id, 'sign-off', role, 'revoke'), why, options),
    meetCondition: async (id, role, condition, how = {}, options) =>
      post(of(id, 'sign-off', role, 'conditions', condition, 'met'), how, options),
    comment: async (id, comment, options) => post(of(id, 'comments'), comment, options),
    history: async (id, place = {}) => http.get(of(id, 'history'), { ...place }),
    version: async (id, version) => http.get(of(id, 'versions', version)),
    export: async (id, format) => text(of(id, 'export'), { format }),
    exportAll: async (filter, format) => text('/reports/export', { ...asQuery(filter), format }),
    statistics: async (options) => http.get('/statistics', refreshing(options)),
    dashboard: async (options) => http.get('/dashboard', refreshing(options)),
    componentStatus: async (options) => http.get('/components/status', refreshing(options)),
  };
}
