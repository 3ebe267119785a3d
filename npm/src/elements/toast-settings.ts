/**
 * `<pulsewire-toast-settings>`: what the user chooses for toasts: sound (off, critical only, all), its volume, notifications while hidden.
 *
 * Kept per browser, for all pages of the site. The browser is asked for its permission only when the box is ticked, never before.
 */
import { css, html, nothing } from 'lit';
import { percent } from '../i18n/index.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { askToNotify, type NotifyState, notifyState } from './browser-notifications.js';
import { blocked, chime, prepareChime, unlock } from './chime.js';
import { panel } from './panel.js';
import { type ToastOptions, toastOptions } from './toast-options.js';
import { tokens } from './tokens.js';

const SOUNDS: readonly ToastOptions['sound'][] = ['off', 'critical', 'all'];

export class PulsewireToastSettings extends PulsewireElement {
  static override styles: Styles = [
    tokens,
    panel,
    css`
      fieldset {
        margin: 0 0 12px;
        padding: 0;
        border: 0;
        min-width: 0;
      }
      legend {
        padding: 0 0 4px;
        font-weight: 650;
      }
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 18px;
      }
      label {
        display: inline-flex;
        align-items: center;
        gap: 8px;
        min-height: 32px;
      }
      input {
        accent-color: var(--_accent);
      }
      input[type='radio'],
      input[type='checkbox'] {
        width: 18px;
        height: 18px;
        margin: 0;
      }
      .volume {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 12px;
        padding-bottom: 12px;
      }
      input[type='range'] {
        width: 160px;
      }
      .aside {
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  #state: NotifyState = 'default';
  #listening: Release[] = [];

  // What is chosen has nothing to do with a client.
  protected override attach(): Release[] {
    return [];
  }
  override connectedCallback(): void {
    super.connectedCallback();
    this.#state = notifyState();
    const redraw = (): void => this.requestUpdate();
    this.#listening = [toastOptions.listen(redraw), blocked.listen(redraw), prepareChime()];
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#listening.splice(0)) end();
  }

  protected override render(): unknown {
    const { sound, volume, notify } = toastOptions.get();
    const names = { off: this.text.soundOff, critical: this.text.soundCritical, all: this.text.soundAll };
    const denied = this.#state === 'denied' || this.#state === 'unsupported';
    const why = this.#state === 'denied' ? this.text.notifyDenied : this.#state === 'unsupported' ? this.text.notifyUnsupported : '';
    return html`<div part="settings">
      <fieldset part="sound">
        <legend>${this.text.settingsSound}</legend>
        <div class="choices">
          ${SOUNDS.map(
            choice => html`<label>
              <input
                type="radio"
                name="sound"
                value=${choice}
                .checked=${choice === sound}
                @change=${() => toastOptions.set({ sound: choice })}
              />${names[choice]}</label
            >`,
          )}
        </div>
      </fieldset>
      <div class="volume">
        <label>
          ${this.text.settingsVolume}
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            .value=${String(volume)}
            aria-valuetext=${percent(volume, this.language)}
            ?disabled=${sound === 'off'}
            @input=${(event: Event) => toastOptions.set({ volume: Number((event.target as HTMLInputElement).value) })}
          />
        </label>
        <span class="aside" aria-hidden="true">${percent(volume, this.language)}</span>
        <button class="button" part="test" type="button" ?disabled=${sound === 'off'} @click=${() => this.#test(volume)}>
          ${this.text.settingsTest}
        </button>
      </div>
      <label part="notify">
        <input
          type="checkbox"
          .checked=${notify && this.#state === 'granted'}
          ?disabled=${denied}
          aria-describedby="why"
          @change=${(event: Event) => void this.#notify((event.target as HTMLInputElement).checked)}
        />${this.text.settingsNotify}</label
      >
      <p id="why" class="aside" role="status">${why || nothing}</p>
    </div>`;
  }

  #test(volume: number): void {
    chime('critical', volume);
    void unlock();
  }

  async #notify(wanted: boolean): Promise<void> {
    this.#state = wanted ? await askToNotify() : this.#state;
    toastOptions.set({ notify: wanted && this.#state === 'granted' });
    // Also where nothing changed, so that a box that was ticked in vain is empty again.
    this.requestUpdate();
    await this.updateComplete;
    const box = this.renderRoot.querySelector<HTMLInputElement>('[type=checkbox]');
    if (box) box.checked = toastOptions.get().notify && this.#state === 'granted';
  }
}
