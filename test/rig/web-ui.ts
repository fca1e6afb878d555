import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { workflowIdOf } from '../../src/core/ids.js';

const ARGS = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'].concat([
  'disable-component-update',
  'disable-sync',
]);

/** The columns that docs/operate.md tells an operator to show in the list. */
const COLUMNS = ['Status', 'Workflow ID', 'HandoffStatus', 'HandoffReasonBlocked', 'HandoffTarget', 'HandoffExpiry'];

/** The Temporal Web UI in a real browser, by what an operator sees and presses. */
export class WebUi {
  private constructor(
    private readonly browser: Browser,
    readonly page: Page,
    private readonly base: string,
  ) {}

  static async open(executablePath: string, uiUrl: string): Promise<WebUi> {
    const browser = await chromium.launch({ executablePath, args: ARGS.map((a) => `--${a}`) });
    const page = await browser.newPage({ viewport: { width: 1560, height: 1150 }, timezoneId: 'UTC' });
    const shown = JSON.stringify({ default: COLUMNS.map((label) => ({ label })) });
    await page.addInitScript(`localStorage.setItem('namespace-workflow-table-columns', ${JSON.stringify(shown)})`);
    return new WebUi(browser, page, `${uiUrl}/namespaces/default/workflows`);
  }

  close(): Promise<void> {
    return this.browser.close();
  }

  /** The list of handoffs, the row of each as text. */
  async list(query = "WorkflowId STARTS_WITH 'handoff/'"): Promise<string[]> {
    await this.page.goto(`${this.base}?query=${encodeURIComponent(query)}`);
    const rows = this.page.locator('tbody tr').filter({ hasText: 'handoff/' });
    await rows.first().waitFor();
    return (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
  }

  /** Opens the page of a handoff: its history and timeline. */
  async show(id: string): Promise<void> {
    await this.page.goto(`${this.base}/${encodeURIComponent(workflowIdOf(id))}`);
    await this.page
      .getByRole('button', { name: /More Actions|Start Workflow Like This One/ })
      .first()
      .waitFor();
  }

  /** The names along the timeline of the page that is open. */
  async timeline(): Promise<string> {
    const marks = this.page.locator('svg text');
    await marks.first().waitFor();
    return (await marks.allTextContents()).join('\n');
  }

  /** Opens one of the tabs of the page that is open, and gives its text. */
  async tab(name: 'User Metadata' | 'Pending Activities' | 'Search Attributes'): Promise<string> {
    await this.page.getByRole('tab', { name }).or(this.page.getByRole('link', { name })).first().click();
    await this.page
      .getByText(name === 'User Metadata' ? 'Current Details' : name)
      .first()
      .waitFor();
    const page = await this.page.locator('main, #content').first().innerText();
    // Markdown of a workflow is shown in frames of its own.
    const frames = this.page.frames().filter((f) => f !== this.page.mainFrame());
    const texts = await Promise.all(
      frames.map((f) =>
        f
          .locator('body')
          .innerText({ timeout: 5000 })
          .catch(() => ''),
      ),
    );
    return [page, ...texts].join('\n');
  }

  /** What the run says of itself on the metadata tab, once it fits. */
  async words(id: string, fits: RegExp): Promise<string> {
    for (const end = Date.now() + 30_000; ;) {
      await this.show(id);
      // The frames are there a moment after the tab.
      for (let look = 0; look < 10; look++) {
        const text = await this.tab('User Metadata');
        if (fits.test(text)) return text;
        await this.page.waitForTimeout(200);
      }
      const text = await this.tab('User Metadata');
      if (Date.now() > end) throw new Error(`the page of ${id} never says ${String(fits)}:\n${text}`);
    }
  }

  /** Sends a signal or an update with the page's own form. */
  async send(kind: 'Signal' | 'Update', name: string, message: object): Promise<void> {
    await this.page.getByRole('button', { name: 'More Actions' }).click();
    const item = kind === 'Signal' ? 'Send a Signal' : 'Send an Update';
    await this.visible(this.page.getByRole('menuitem', { name: item })).click();
    const dialog = this.visible(this.page.getByRole('dialog'));
    await this.visible(dialog.getByTestId(`${kind.toLowerCase()}-select-button`)).click();
    await this.visible(dialog.getByRole('option', { name: new RegExp(`^${name}\\b`) })).click();
    const data = this.visible(dialog.locator('[contenteditable=true]'));
    await data.fill(JSON.stringify(message));
    // Left, the field lays its content out anew, and the button moves.
    await data.blur();
    // A run that closes by it leaves the form standing, so what the server says counts.
    const answered = this.page.waitForResponse(
      (r) => r.request().method() === 'POST' && new URL(r.url()).pathname.endsWith(`/${name}`),
    );
    await this.visible(dialog.getByTestId('confirm-modal-button')).click();
    const answer = await answered;
    if (!answer.ok()) throw new Error(`${name} was refused: ${await answer.text()}`);
    await this.page.reload();
  }

  /** The one large button of the page. */
  async requestCancellation(): Promise<void> {
    await this.visible(this.page.getByRole('button', { name: 'Request Cancellation' })).click();
    const dialog = this.visible(this.page.getByRole('dialog'));
    await this.visible(dialog.getByTestId('confirm-modal-button')).click();
  }

  /** The page has everything twice, for wide and for narrow screens. */
  private visible(locator: Locator): Locator {
    return locator.filter({ visible: true }).first();
  }
}
