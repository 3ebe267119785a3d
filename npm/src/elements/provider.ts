/** `<pulsewire-provider>`: gives its `.client` to every element inside, so that a page with two clients can keep them apart. */
import { css, html, LitElement, type PropertyDeclarations, type PropertyValues } from 'lit';
import type { Pulsewire } from '../types.js';
import { provideClient } from './context.js';

export class PulsewireProvider extends LitElement {
  static override properties: PropertyDeclarations = { client: { attribute: false } };
  static override styles = css`
    :host {
      display: contents;
    }
  `;

  declare client: Pulsewire | undefined;

  readonly #provided = provideClient(this, () => this.client);

  protected override updated(changed: PropertyValues): void {
    if (changed.has('client')) this.#provided.changed();
  }

  protected override render(): unknown {
    return html`<slot></slot>`;
  }
}
