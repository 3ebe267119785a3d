/** The panel of the devtools: a custom element without a library, drawn twice a second while it is in the document. */
import type { ChannelEvent, Pulsewire } from '../types.js';

const NAME = 'pulsewire-devtools';
const EVERY_MS = 500;
const MESSAGES = 50;
/** Of a message's data, as much as a line can show. */
const DATA_LENGTH = 160;

const STYLE = `
:host { color-scheme: light dark; position: fixed; inset: auto 12px 12px auto; z-index: 2147483000; width: min(460px, calc(100vw - 24px));
  font: 13px/1.45 system-ui, sans-serif; color: light-dark(#15212b, #e7eef4); }
section { display: flex; flex-direction: column; max-height: min(70vh, 640px); background: light-dark(#fff, #151c23); border-radius: 10px;
  border: 1px solid light-dark(#c3ced7, #3c4a58); box-shadow: 0 8px 30px #0004; overflow: hidden; }
header, footer { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 8px 12px; background: light-dark(#f4f7f9, #1e2731); }
h2 { font-size: 13px; margin: 0; } h3 { font-size: 12px; margin: 10px 0 4px; color: light-dark(#52616e, #9fb0bf); }
#state { margin-inline-end: auto; font-weight: 600; }
button { font: inherit; color: inherit; background: light-dark(#fff, #26313c); border: 1px solid light-dark(#8a98a5, #66788a); border-radius: 6px;
  padding: 3px 10px; min-height: 28px; cursor: pointer; }
button:focus-visible, .body:focus-visible { outline: 2px solid light-dark(#0a6a93, #5ec3ef); outline-offset: -2px; }
.body { overflow: auto; padding: 0 12px 12px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 6px 12px; margin: 8px 0 0; }
dt { font-size: 11px; color: light-dark(#52616e, #9fb0bf); } dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; } th { text-align: start; font-size: 11px; font-weight: 500; color: light-dark(#52616e, #9fb0bf); }
td, th { padding: 2px 6px 2px 0; overflow-wrap: anywhere; vertical-align: top; } td { font-variant-numeric: tabular-nums; }
ol { list-style: none; margin: 0; padding: 0; font: 12px/1.45 ui-monospace, monospace; } li { overflow-wrap: anywhere; padding: 1px 0; }
.bad { color: light-dark(#b42318, #ff8a80); }
@media (max-width: 480px) { :host { inset: auto 0 0; width: 100vw; } section { border-radius: 10px 10px 0 0; max-height: 60vh; } }
`;

function make(tag: string, text = '', attributes: Record<string, string> = {}, ...children: Node[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...(text === '' ? [] : [text]), ...children);
  return element;
}
const ms = (value: number | undefined): string => (value === undefined ? '–' : `${Math.round(value)} ms`);

function shortData(data: unknown): string {
  // Columns of points are many numbers: their number says more.
  const text =
    JSON.stringify(data, (_, value: unknown) => (ArrayBuffer.isView(value) ? `${(value as Float64Array).length} numbers` : value)) ?? '';
  return text.length > DATA_LENGTH ? `${text.slice(0, DATA_LENGTH)}…` : text;
}

function panelClass() {
  return class PulsewireDevtools extends HTMLElement {
    client: Pulsewire | undefined;
    readonly #root = this.attachShadow({ mode: 'open' });
    #release: (() => void)[] = [];
    #messages: { text: string; bad: boolean }[] = [];
    #paused = false;
    readonly #state = make('span', '', { id: 'state', role: 'status' });
    readonly #numbers = make('dl');
    readonly #channels = make('tbody');
    readonly #list = make('ol');
    readonly #pause = make('button', 'Pause', { type: 'button', 'aria-pressed': 'false' });

    constructor() {
      super();
      const button = (text: string, run: () => void): HTMLElement => {
        const made = make('button', text, { type: 'button' });
        made.addEventListener('click', run);
        return made;
      };
      this.#pause.addEventListener('click', () => {
        this.#paused = !this.#paused;
        this.#pause.setAttribute('aria-pressed', String(this.#paused));
        this.#draw();
      });
      const head = make('tr', '', {}, ...['Channel', 'Handles', 'State', 'Position'].map(text => make('th', text, { scope: 'col' })));
      const body = make(
        'div',
        '',
        { class: 'body', tabindex: '0', role: 'group', 'aria-label': 'Connection, channels and messages' },
        this.#numbers,
        make('h3', 'Channels'),
        make('table', '', {}, make('thead', '', {}, head), this.#channels),
        make('h3', 'Last messages'),
        this.#list,
      );
      const clear = button('Clear', () => {
        this.#messages = [];
        this.#draw();
      });
      this.#root.append(
        make('style', STYLE),
        make(
          'section',
          '',
          { 'aria-label': 'Pulsewire devtools' },
          make(
            'header',
            '',
            {},
            make('h2', 'Pulsewire'),
            this.#state,
            button('Close', () => this.remove()),
          ),
          body,
          make(
            'footer',
            '',
            {},
            this.#pause,
            clear,
            button('Ping', () => void this.#ping()),
            button('Download recording', () => this.#download()),
          ),
        ),
      );
      this.#root.addEventListener('keydown', event => {
        if ((event as KeyboardEvent).key === 'Escape') this.remove();
      });
    }

    connectedCallback(): void {
      const { client } = this;
      if (client === undefined) return;
      const draw = (): void => this.#draw();
      const timer = setInterval(draw, EVERY_MS);
      this.#release = [
        client.on('event', event => this.#event(event)),
        client.on('error', ({ code, message }) => this.#add(`${code}: ${message}`, true)),
        client.on('resync', ({ channel }) => this.#add(`resync ${channel}`, true)),
        client.connection.listen(draw),
        () => clearInterval(timer),
      ];
      draw();
    }
    disconnectedCallback(): void {
      for (const end of this.#release.splice(0)) end();
    }

    #event({ channel, event, offset, replayed, data }: ChannelEvent): void {
      this.#add(`${channel} ${event}${offset === undefined ? '' : ` #${offset}`}${replayed ? ' replayed' : ''} ${shortData(data)}`, false);
    }
    #add(text: string, bad: boolean): void {
      if (this.#paused) return;
      this.#messages = [{ text: `${new Date().toLocaleTimeString()} ${text}`, bad }, ...this.#messages].slice(0, MESSAGES);
    }

    #draw(): void {
      const { client } = this;
      if (client === undefined || this.#paused) return;
      const status = client.connection.get();
      const quality = client.quality();
      const said = `${status.state}${status.reason === undefined ? '' : ` (${status.reason})`}`;
      // Said only when it changes: it is read out.
      if (this.#state.textContent !== said) this.#state.textContent = said;
      const numbers: [string, string][] = [
        ['Quality', quality.grade],
        ['Latency, newest', ms(quality.latencyMs ?? status.latencyMs)],
        ['Latency, p50 / p95', `${ms(quality.latencyP50Ms)} / ${ms(quality.latencyP95Ms)}`],
        ['Jitter', ms(quality.jitterMs)],
        ['Uptime', `${Math.round(quality.uptime * 100)} %`],
        ['Reconnects', String(quality.reconnects)],
        ['Messages', `${quality.messagesPerSecond.toFixed(1)} /s`],
        ['Bytes', `${(quality.bytesPerSecond / 1000).toFixed(1)} kB/s`],
        ['Waiting to be sent', String(client.outbox.get().length)],
        ['User', status.user === undefined ? '–' : `${status.user} @ ${status.tenant ?? ''}`],
      ];
      this.#numbers.replaceChildren(...numbers.map(([name, value]) => make('div', '', {}, make('dt', name), make('dd', value))));
      this.#channels.replaceChildren(
        ...client
          .channels()
          .map(({ name, holds, phase, epoch, offset, error }) =>
            make(
              'tr',
              '',
              {},
              make('td', name),
              make('td', String(holds)),
              make('td', error?.code ?? phase, error === undefined ? {} : { class: 'bad' }),
              make('td', epoch === '' ? '–' : `${offset} @ ${epoch}`),
            ),
          ),
      );
      this.#list.replaceChildren(...this.#messages.map(({ text, bad }) => make('li', text, bad ? { class: 'bad' } : {})));
    }

    async #ping(): Promise<void> {
      try {
        this.#add(`ping ${ms(await this.client?.ping())}`, false);
      } catch (error) {
        this.#add(`ping: ${error instanceof Error ? error.message : String(error)}`, true);
      }
      this.#draw();
    }
    #download(): void {
      if (this.client === undefined) return;
      const url = URL.createObjectURL(this.client.exportRecording());
      const link = make('a', '', { href: url, download: `pulsewire-${new Date().toISOString().replaceAll(':', '-')}.ndjson` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    }
  };
}

export function createPanel(client: Pulsewire): HTMLElement {
  // A second copy of the package, or a hot reload, finds the name taken: the first one goes on serving.
  if (!customElements.get(NAME)) customElements.define(NAME, panelClass());
  const panel = document.createElement(NAME) as HTMLElement & { client?: Pulsewire };
  panel.client = client;
  return panel;
}
