import type { HandoffFilter } from '../../core/filter.js';
import type { Answer, Io } from '../io.js';
import { Stopped, withLifetime, type Lifetime } from '../lifetime.js';
import type { PlaceOptions } from '../place.js';
import { hasScreen, openScreen } from './screen.js';
import { columns } from '../text/text.js';
import { Source } from './source.js';
import { listView, oneView, type View } from './views.js';

export interface WatchOptions extends PlaceOptions {
  once?: boolean;
  /** Seconds. */
  interval?: number;
  session?: string;
  procedure?: string;
  from?: string;
  to?: string;
}

const QUIT = new Set(['q', 'Q', '\u0003', '\u0004', '\u001b']);
/** Spans on the screen go on where answers take long. */
const TICK_MS = 1000;

/** `handoff watch [id]`: live on a terminal, else one frame. */
export async function watch(options: WatchOptions, io: Io, id: string | undefined): Promise<Answer> {
  const { once = false, interval = 1, session, procedure, from, to } = options;
  const filter: HandoffFilter = {
    ...(session ? { session } : {}),
    ...(procedure ? { procedure } : {}),
    ...(from ? { source: from } : {}),
    ...(to ? { target: to } : {}),
  };
  const source = await Source.open(options);
  try {
    const view = id === undefined ? listView(source, filter) : oneView(source, id);
    await view.look(() => {});
    if (!io.json && !once && hasScreen()) await live(view, io, interval * 1000);
    else await view.settle();
    // What was on the screen is gone with it; the end of a handoff stays.
    const last = once || !hasScreen() || view.over();
    const text = last ? view.frame(io.paint, { columns: columns(), rows: Infinity }, false).join('\n') : '';
    return { json: view.json(), text };
  } finally {
    await source.close();
  }
}

/** Shows the view until somebody quits, or nothing more will happen. */
export async function live(view: View, { paint }: Io, intervalMs: number): Promise<void> {
  const watching = async (life: Lifetime): Promise<void> => {
    let quit = (): void => {};
    const left = new Promise<void>((resolve) => (quit = resolve));
    const draw = (): void => {
      const { columns, rows } = process.stdout;
      screen.draw(view.frame(paint, { columns: columns || 80, rows: rows || 24 }, true));
    };
    const screen = openScreen({ key: (key) => void (QUIT.has(key) && quit()), resize: () => draw() });
    life.atEnd(() => screen.close());
    draw();
    const ticking = setInterval(draw, TICK_MS);
    life.atEnd(() => clearInterval(ticking));
    const looking = async (): Promise<void> => {
      while (!view.over()) {
        const began = Date.now();
        await view.look(draw);
        draw();
        // Where a look takes long, the pause is as long.
        await life.sleep(Math.max(intervalMs - (Date.now() - began), Date.now() - began, 50));
      }
    };
    await life.until(Promise.race([left, looking()]));
  };
  try {
    await withLifetime(watching);
  } catch (error) {
    // To be stopped is how it ends.
    if (!(error instanceof Stopped)) throw error;
  }
}
