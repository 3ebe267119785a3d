/**
 * What an element takes from where it stands: the language (nearest `lang`), the colour scheme (nearest `data-theme`), the seconds passing.
 *
 * One observer and one clock serve all elements of the page, and neither runs while there is none.
 */

/** The nearest value of an attribute, the element's own included, through shadow roots and slots' hosts. */
export function nearest(element: Element, attribute: string): string | undefined {
  let at: Element | null = element;
  while (at) {
    const found: Element | null = at.closest(`[${attribute}]`);
    if (found) return found.getAttribute(attribute) ?? undefined;
    const root: Node = at.getRootNode();
    at = 'host' in root ? (root as ShadowRoot).host : null;
  }
  return undefined;
}

/** The language of the place; a tag that `Intl` would refuse counts as English rather than breaking the page. */
export function languageOf(element: Element): string {
  const lang = nearest(element, 'lang') || 'en';
  try {
    return Intl.getCanonicalLocales(lang)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

/** `light` or `dark` where the page has said so by `data-theme`; otherwise the page's own `color-scheme` counts. */
export function themeOf(element: Element): 'light' | 'dark' | undefined {
  const theme = nearest(element, 'data-theme');
  return theme === 'light' || theme === 'dark' ? theme : undefined;
}

const watchers = new Set<() => void>();
let stopWatching: (() => void) | undefined;

/** Told when a language, a theme or the system's preference changes anywhere. */
export function watchSurroundings(changed: () => void): () => void {
  watchers.add(changed);
  stopWatching ??= startWatching();
  return () => {
    watchers.delete(changed);
    if (watchers.size === 0) {
      stopWatching?.();
      stopWatching = undefined;
    }
  };
}

function startWatching(): () => void {
  const tell = (): void => {
    for (const watcher of [...watchers]) watcher();
  };
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, { attributes: true, subtree: true, attributeFilter: ['lang', 'data-theme'] });
  const dark = window.matchMedia?.('(prefers-color-scheme: dark)');
  dark?.addEventListener?.('change', tell);
  return () => {
    observer.disconnect();
    dark?.removeEventListener?.('change', tell);
  };
}

const tickers = new Set<() => void>();
let clock: ReturnType<typeof setInterval> | undefined;

/** Told once a second, for texts such as "12s ago" and countdowns. */
export function everySecond(tick: () => void): () => void {
  tickers.add(tick);
  clock ??= setInterval(() => {
    for (const run of [...tickers]) run();
  }, 1_000);
  return () => {
    tickers.delete(tick);
    if (tickers.size === 0) {
      clearInterval(clock);
      clock = undefined;
    }
  };
}
