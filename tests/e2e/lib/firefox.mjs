/**
 * Firefox, and a ward page in it as a test sees it: by what is on the screen.
 *
 * Why not Playwright as for Chromium: it drives a Firefox of its own making only. Puppeteer speaks WebDriver BiDi with the system's.
 */
import { launch as start } from 'puppeteer-core';
import { eventually } from './eventually.mjs';

export function launch() {
  return start({ browser: 'firefox', executablePath: process.env.PULSEWIRE_FIREFOX ?? '/usr/bin/firefox-esr', headless: true });
}

/**
 * Opens the demo as somebody, in a context of its own (another nurse's browser), and waits until it is live.
 *
 * @param {import('puppeteer-core').Browser} browser
 * @param {{ url: string }} relay
 * @param {{ user: string, name: string, role: string }} as
 */
export async function openWard(browser, relay, as) {
  const context = await browser.createBrowserContext();
  // A window of its own: a tab behind another one is hidden, where a page holds its toasts and asks for less.
  const page = await context.newPage({ type: 'window' });
  await page.setViewport({ width: 1440, height: 900 });
  const ward = new FirefoxWard(page, context);
  await page.evaluateOnNewDocument((value) => {
    if (sessionStorage.getItem('pulsewire.person') === null) sessionStorage.setItem('pulsewire.person', value);
    localStorage.setItem('pulsewire.tour', 'done');
    // What the page makes of sockets, before anything of it is loaded.
    window.socketsMade = 0;
    const Real = window.WebSocket;
    window.WebSocket = class extends Real {
      constructor(...args) {
        super(...args);
        window.socketsMade += 1;
      }
    };
  }, JSON.stringify(as));
  await page.goto(`${relay.url}/#/`);
  await ward.isLive();
  // A reload would lose this mark.
  await page.evaluate(() => {
    window.neverReloaded = true;
  });
  return ward;
}

class FirefoxWard {
  /** What the page did not catch. */
  complaints = [];

  constructor(page, context) {
    this.page = page;
    this.context = context;
    page.on('pageerror', (error) => {
      // Firefox itself reports every refused or broken connection so: those are what the tests are about.
      if (!/^Firefox can.t establish a connection|^The connection to .* was interrupted/.test(error.message)) {
        this.complaints.push(`uncaught: ${error.message}`);
      }
    });
  }

  /** The texts of what a path leads to; each ` >>> ` of it goes into the shadow trees of what was found so far. */
  texts(path) {
    return this.page.evaluate((path) => {
      const [first, ...rest] = path.split(' >>> ');
      let found = [...document.querySelectorAll(first)];
      for (const selector of rest) found = found.flatMap((one) => [...(one.shadowRoot?.querySelectorAll(selector) ?? [])]);
      return found.map((one) => one.innerText);
    }, path);
  }
  async text(path) {
    return (await this.texts(path))[0] ?? '';
  }
  /** Whether one of the canvases that a path leads to shows anything in a colour of its own: a line, not only a grid. */
  hasInk(path) {
    return this.page.evaluate((path) => {
      const [first, ...rest] = path.split(' >>> ');
      let found = [...document.querySelectorAll(first)];
      for (const selector of rest) found = found.flatMap((one) => [...(one.shadowRoot?.querySelectorAll(selector) ?? [])]);
      return found.some((canvas) => {
        if (canvas.width === 0 || canvas.height === 0) return false;
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let coloured = 0;
        for (let i = 0; i < data.length; i += 4) {
          const [red, green, blue, alpha] = data.subarray(i, i + 4);
          if (alpha > 128 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured += 1;
        }
        return coloured > 200;
      });
    }, path);
  }
  attribute(selector, name) {
    return this.page.evaluate((selector, name) => document.querySelector(selector)?.getAttribute(name), selector, name);
  }

  state() {
    return this.attribute('[data-state]', 'data-state');
  }
  async isLive(timeoutMs = 20_000) {
    await eventually('the page is connected', async () => (await this.state()) === 'connected', timeoutMs);
  }
  async isNotLive(timeoutMs = 15_000) {
    await eventually('the page lost its connection', async () => (await this.state()) !== 'connected', timeoutMs);
  }
  badge(device) {
    return this.text(`pulsewire-device-badge[device-id="${device}"] >>> [part="badge"]`);
  }
  vital(device, metric) {
    return this.text(`[data-device="${device}"] [data-vital="${metric}"]`);
  }
  toasts() {
    return this.texts('pulsewire-toasts >>> [part~="toast"]');
  }
  alerts() {
    return this.texts('pulsewire-alerts >>> li[part~="alert"]');
  }
  banner() {
    return this.texts('pulsewire-banner >>> [part="banner"]');
  }
  async viewers() {
    return Number(await this.attribute('[data-viewers]', 'data-viewers'));
  }
  sockets() {
    return this.page.evaluate(() => window.socketsMade);
  }
  /** Presses the one button whose text begins so. */
  async press(name) {
    const button = await this.page.waitForSelector(`::-p-xpath(//button[starts-with(normalize-space(.), "${name}")])`);
    await button.click();
  }
  neverReloaded() {
    return this.page.evaluate(() => window.neverReloaded === true);
  }
}
