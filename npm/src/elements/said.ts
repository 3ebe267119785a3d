/**
 * What a live region says. Each time it is a node of its own: a text that is set to what it was already is no change, and no screen reader
 * would say the same alert a second time.
 *
 * While a modal dialog of the page is open, all outside it is inert, live regions included: then the words are said inside the dialog too.
 */
import type { LitElement } from 'lit';
import { html } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { sayInModal } from './modal.js';

export class Said {
  readonly #from: LitElement;
  readonly #urgent: boolean;
  #words = '';
  #times = 0;
  #drawn = true;

  constructor(from: LitElement, { urgent = false } = {}) {
    this.#from = from;
    this.#urgent = urgent;
  }

  /** Instead of what was said, or together with what is not drawn yet, so that none of two alerts at once is lost. */
  say(words: string, { also = false } = {}): void {
    this.#words = also && !this.#drawn ? `${this.#words} ${words}` : words;
    this.#times++;
    this.#drawn = false;
    sayInModal(this.#from, words, this.#urgent);
  }
  /** For the inside of the live region, which itself must stay. */
  draw(): unknown {
    this.#drawn = true;
    return repeat(
      [this.#times],
      times => times,
      () => html`<span>${this.#words}</span>`,
    );
  }
}
