/**
 * What every element does alike: finds its client, listens to it while it is in the document, knows its language and theme.
 *
 * A subclass says in `attach()` what it holds and listens to, and gives back how to let go; all of it is undone when the element leaves
 * the document, moves, or gets another client. Nothing else may subscribe, which is why no element can leak.
 */
import { type CSSResultOrNative, LitElement, type PropertyDeclarations, type PropertyValues } from 'lit';
import { loadLanguage, onTexts, type Texts, textsOf } from '../i18n/index.js';
import type { Observable, Pulsewire } from '../types.js';
import { requestClient } from './context.js';
import { languageOf, themeOf, watchSurroundings } from './surroundings.js';
import { schemes } from './tokens.js';

export type Release = () => void;

export abstract class PulsewireElement extends LitElement {
  static override properties: PropertyDeclarations = {
    client: { attribute: false },
    texts: { attribute: false },
  };

  /** The client to show; where absent, that of the nearest `<pulsewire-provider>`, else the default client. */
  declare client: Pulsewire | undefined;
  /** Replaces single texts of this element. */
  declare texts: Partial<Texts> | undefined;

  /** The client in use. */
  protected get source(): Pulsewire | undefined {
    return this.client ?? this.#found;
  }
  /** The language of the place, as `Intl` takes it. */
  protected language = 'en';
  /** All texts, in the language of the place. */
  protected text: Texts = textsOf('en');

  /** Properties whose change means: let go and take hold again. */
  protected readonly attachOn: readonly string[] = [];

  #found: Pulsewire | undefined;
  readonly #held: Release[] = [];
  readonly #standing: Release[] = [];
  #attachDue = false;

  /** Takes hold of what the element shows; the results undo it. Called only in the document and with a client. */
  protected abstract attach(client: Pulsewire): Release[];
  /** The theme or the language may have changed: for what is not drawn by CSS. */
  protected surroundingsChanged(): void {}
  /** There is nothing to show any more (out of the document, or no client): for state kept beside the holds. */
  protected detached(): void {}

  override connectedCallback(): void {
    super.connectedCallback();
    const look = (): void => this.#takeSurroundings();
    look();
    this.#standing.push(
      watchSurroundings(look),
      onTexts(look),
      requestClient(this, client => {
        if (client === this.#found) return;
        this.#found = client;
        this.#attachSoon();
      }),
    );
    this.#attachSoon();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#letGo();
    for (const release of this.#standing.splice(0)) release();
    this.#found = undefined;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('texts')) this.text = textsOf(this.language, this.texts);
    if (!this.isConnected) return;
    if (this.#attachDue || changed.has('client') || this.attachOn.some(name => changed.has(name))) this.#takeHold();
  }

  /** Listens to a value and draws again on each change. */
  protected redrawOn(observable: Observable<unknown>): Release {
    return observable.listen(() => this.requestUpdate());
  }

  /** Tells the page; `true` unless it called `preventDefault()`. */
  protected tell(name: string, detail: unknown): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  #attachSoon(): void {
    this.#attachDue = true;
    this.requestUpdate();
  }

  #takeHold(): void {
    this.#attachDue = false;
    // The new hold is taken before the old one goes, so that a shared channel never falls to zero in between.
    const before = this.#held.splice(0);
    const client = this.source;
    if (client) this.#held.push(...this.attach(client));
    else this.detached();
    for (const release of before) release();
  }

  #letGo(): void {
    for (const release of this.#held.splice(0)) release();
    this.detached();
  }

  #takeSurroundings(): void {
    this.language = languageOf(this);
    void loadLanguage(this.language);
    this.text = textsOf(this.language, this.texts);
    this.#forceScheme(themeOf(this));
    this.surroundingsChanged();
    this.requestUpdate();
  }

  #forceScheme(theme: 'light' | 'dark' | undefined): void {
    const root = this.renderRoot as ShadowRoot | undefined;
    if (!root?.adoptedStyleSheets) return;
    const forced = [schemes.light.styleSheet, schemes.dark.styleSheet];
    const own = root.adoptedStyleSheets.filter(sheet => !forced.includes(sheet));
    const sheet = theme && schemes[theme].styleSheet;
    root.adoptedStyleSheets = sheet ? [...own, sheet] : own;
  }
}

/** For `static styles`. */
export type Styles = CSSResultOrNative[];
