/**
 * The system's Chromium, and a ward page in it as a test sees it: by what is on the screen.
 */
import { chromium } from 'playwright-core';
import { eventually } from './eventually.mjs';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What Playwright switches off for its own ease: with it, a test of a page's life would test nothing. */
const UNREAL = [
  '--disable-back-forward-cache',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/** @param {{ lifelike?: boolean }} options  `lifelike`: back/forward cache and background throttling as a user has them */
export function launch({ lifelike = false } = {}) {
  const ignoreDefaultArgs = lifelike ? UNREAL : [];
  return chromium.launch({ executablePath: process.env.PULSEWIRE_CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, ignoreDefaultArgs });
}

/** The person a tab shall be; see `www/src/lib/identity.svelte.ts`. */
export const person = (user, name = user, role = 'nurse') => ({ user, name, role });

/**
 * Opens the demo as somebody, in a context of its own (another nurse's browser).
 *
 * @param {import('playwright-core').Browser} browser
 * @param {{ url: string }} relay
 * @param {{ as?: object, path?: string, context?: object, before?: (page: import('playwright-core').Page) => Promise<void>, live?: boolean, tour?: boolean }} options
 *   `tour`: as a first visitor, who is offered the tour and asked about sound
 */
export async function openWard(browser, relay, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1440, height: 900 }, ...options.context });
  const page = await context.newPage();
  const ward = new WardPage(page, context);
  const as = options.as ?? person('ana', 'Ana Souza');
  await page.addInitScript((value) => {
    if (sessionStorage.getItem('pulsewire.person') === null) sessionStorage.setItem('pulsewire.person', value);
  }, JSON.stringify(as));
  if (!options.tour) {
    await page.addInitScript(() => {
      localStorage.setItem('pulsewire.tour', 'done');
      // Chosen already, so nobody is asked; a test of the sound says otherwise.
      if (localStorage.getItem('pulsewire.sound') === null) localStorage.setItem('pulsewire.sound', 'off');
    });
  }
  await options.before?.(page);
  await page.goto(`${relay.url}/${options.path ?? '#/'}`);
  if (options.live ?? true) await ward.isLive();
  // A reload would lose this mark: tests that say "without a reload" look for it.
  await page.evaluate(() => {
    window.neverReloaded = true;
  });
  return ward;
}

export class WardPage {
  /** Everything the page complained about; a test that expects a complaint takes it out. */
  complaints = [];
  /** When each WebSocket was made. */
  sockets = [];

  constructor(page, context) {
    this.page = page;
    this.context = context;
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      // Chromium itself reports every refused connection and HTTP error as a console error: those are what many tests are about.
      if (message.type() === 'error' && !/WebSocket connection to|Failed to load resource/.test(message.text())) {
        this.complaints.push(`console: ${message.text()}`);
      }
    });
    page.on('websocket', () => this.sockets.push(Date.now()));
  }

  /** The state the package reports, as the fault panel shows it. */
  state() {
    return this.page.locator('[data-state]').first().getAttribute('data-state');
  }

  async isLive(timeoutMs = 15_000) {
    await eventually('the page is connected', async () => (await this.state()) === 'connected', timeoutMs);
  }

  async isNotLive(timeoutMs = 15_000) {
    await eventually('the page lost its connection', async () => (await this.state()) !== 'connected', timeoutMs);
  }

  card(device) {
    return this.page.locator(`[data-device="${device}"]`);
  }

  badge(device) {
    return this.page.locator(`pulsewire-device-badge[device-id="${device}"] [part="badge"]`).first();
  }

  toasts() {
    return this.page.locator('pulsewire-toasts [part~="toast"]');
  }

  alerts() {
    return this.page.locator('pulsewire-alerts li[part~="alert"]');
  }

  banner() {
    return this.page.locator('pulsewire-banner [part="banner"]');
  }

  async viewers() {
    return Number(await this.page.locator('[data-viewers]').first().getAttribute('data-viewers'));
  }

  /** What the fault panel's log says, newest first. */
  async log() {
    return this.page.locator('[role="log"] li').allInnerTexts();
  }

  /** All text on the page, inside the elements' shadow trees too, which `innerText` of the page leaves out. */
  text() {
    return this.page.evaluate(() => {
      const read = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data;
        if (node instanceof HTMLElement && (/^(STYLE|SCRIPT)$/.test(node.tagName) || getComputedStyle(node).display === 'none')) return '';
        return [...(node.shadowRoot ?? node).childNodes].map(read).join(' ');
      };
      return read(document.body);
    });
  }

  button(name) {
    return this.page.getByRole('button', { name });
  }

  neverReloaded() {
    return this.page.evaluate(() => window.neverReloaded === true);
  }

  close() {
    return this.context.close();
  }
}
