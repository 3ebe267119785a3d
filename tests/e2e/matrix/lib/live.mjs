/** What every example must show, whatever built it: values, a chart that is drawn, an alert that comes, and nothing in the console. */
import assert from 'node:assert/strict';
import { eventually } from '../../lib/eventually.mjs';

/** Text of the page, inside the elements' shadow trees too. */
const textOf = page =>
  page.evaluate(() => {
    const read = node => {
      if (node.nodeType === Node.TEXT_NODE) return node.data;
      if (node instanceof HTMLElement && /^(STYLE|SCRIPT)$/.test(node.tagName)) return '';
      return [...(node.shadowRoot ?? node).childNodes].map(read).join(' ');
    };
    return read(document.body);
  });

export const rate = page => page.locator('#rate').textContent();

/** Opens a page as a user would; `noWasmFile` makes the file beside the bundle unreachable. */
export async function opened(browser, url, { noWasmFile = false } = {}) {
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await context.newPage();
  const complaints = [];
  const fetched = [];
  page.on('pageerror', error => complaints.push(`uncaught: ${error.message}`));
  page.on('console', message => {
    if (!['error', 'warning'].includes(message.type())) return;
    // That the file is not reachable is what such a test is about.
    if (noWasmFile && /Failed to load resource|net::ERR_FAILED/.test(message.text())) return;
    complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on('request', request => fetched.push(request.url()));
  if (noWasmFile) await page.route('**/*.wasm*', route => route.abort());
  await page.goto(url);
  return { page, complaints, fetched, close: () => context.close() };
}

/** Waits until the page shows what a live one shows; `file`: the wasm came as a file of its own, as it shall from a build. */
export async function isLive({ page, complaints, fetched }, { file = true } = {}) {
  try {
    await eventually('a heart rate is shown', async () => /^\d+$/.test((await rate(page)) ?? ''), 20_000);
    const drawn = () => {
      const canvas = document.querySelector('pulsewire-chart')?.shadowRoot?.querySelector('canvas');
      const ink = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
      return ink?.some(value => value > 0) ?? false;
    };
    await eventually('the chart is drawn', () => page.evaluate(drawn));
  } catch (error) {
    error.message += `\nthe page: ${await textOf(page)}\nits console: ${complaints.join('\n')}`;
    throw error;
  }
  if (file) {
    assert.ok(
      fetched.some(url => /\.wasm(\?|$)/.test(url)),
      'the wasm came as a file of its own',
    );
    assert.ok(!fetched.some(url => url.includes('pulsewire_base64')), 'the embedded copy was not fetched');
  }
  assert.deepEqual(complaints, [], 'nothing in the console');
}

let alerts = 0;
/** Raises an alert at the relay and waits until the page shows it. */
export async function showsAnAlert(page, relay) {
  alerts += 1;
  const message = `Heart rate 39, for the ${alerts}. time`;
  const bearer = (await (await fetch(`${relay.url}/dev/token?sub=monitor&role=service`)).json()).token;
  await relay.ingest('alerts', { patientId: 'patient-1', patientName: 'M. Oliveira', type: 'heart_rate_low', severity: 'high', message }, bearer);
  await eventually(`the page shows the alert ${message}`, async () => (await textOf(page)).includes(message));
}
