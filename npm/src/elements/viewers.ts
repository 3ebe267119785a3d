/**
 * `<pulsewire-viewers channel="patient:7">`: an eye and a number while more than one person looks at a channel, with their names in a tooltip.
 *
 * Nothing is shown for one viewer: that is the reader. It holds the channel, and holding makes this page a viewer; `no-hold` only looks on.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { fill, number, plural } from '../i18n/index.js';
import type { Pulsewire, ViewerCount } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { chip } from './chip.js';
import { icons } from './icons.js';
import { tokens } from './tokens.js';

export class PulsewireViewers extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    channel: {},
    noHold: { type: Boolean, attribute: 'no-hold' },
    open: { state: true },
  };
  static override styles: Styles = [
    tokens,
    chip,
    css`
      :host {
        display: inline-block;
        position: relative;
        vertical-align: middle;
        font-size: 13px;
      }
      .names {
        position: absolute;
        inset: calc(100% + 6px) auto auto 0;
        z-index: var(--pw-tooltip-z, 900);
        width: max-content;
        max-width: 240px;
        padding: 10px 12px;
        border-radius: var(--_radius);
        color: var(--_text);
        background: var(--_surface);
        box-shadow:
          0 0 0 1px var(--_border),
          0 10px 28px -8px var(--_shadow);
      }
      :host([align='end']) .names {
        inset-inline: auto 0;
      }
      .names[hidden] {
        display: none;
      }
      .count {
        color: var(--_muted);
        font-weight: 600;
      }
      ul {
        margin: 4px 0 0;
        padding: 0;
        list-style: none;
      }
      li {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];

  declare channel: string | undefined;
  declare noHold: boolean;
  declare private open: boolean;

  protected override readonly attachOn: readonly string[] = ['channel', 'noHold'];

  protected override attach(client: Pulsewire): Release[] {
    const release: Release[] = [this.redrawOn(client.viewerCounts)];
    if (this.channel && !this.noHold) {
      const hold = client.channel(this.channel);
      release.push(() => hold.release());
    }
    return release;
  }

  protected override render(): unknown {
    const viewers = this.channel ? this.source?.viewerCounts.get()[this.channel] : undefined;
    if (!viewers || viewers.count < 2) return nothing;
    const words = plural(this.text, this.language, 'viewers', viewers.count);
    const show = (open: boolean) => () => {
      this.open = open;
    };
    return html`<span @pointerenter=${show(true)} @pointerleave=${show(false)}>
      <button
        part="button"
        class="chip busy"
        type="button"
        aria-label=${words}
        aria-describedby="names"
        @focus=${show(true)}
        @blur=${show(false)}
        @click=${show(true)}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== 'Escape' || !this.open) return;
          event.stopPropagation();
          this.open = false;
        }}
      >
        ${icons.eye}<span part="count" aria-hidden="true">${number(viewers.count, this.language)}</span>
      </button>
      <div part="tooltip" class="names" id="names" role="tooltip" ?hidden=${!this.open}>
        <span class="count">${words}</span>
        ${this.#names(viewers)}
      </div>
    </span>`;
  }

  #names({ count, names }: ViewerCount): unknown {
    const more = count - names.length;
    return html`<ul>
      ${names.map(name => html`<li>${name}</li>`)}
      ${more > 0 ? html`<li class="count">${fill(this.text.viewersMore, { n: number(more, this.language) })}</li>` : nothing}
    </ul>`;
  }
}
