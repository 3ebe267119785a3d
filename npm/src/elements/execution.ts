/**
 * `<pulsewire-execution execution-id="…">`: how far a long job is, what it is doing and wrote, why it failed, and a button to
 * try again.
 *
 * `label` names the job. Only changes of the state are read out, a failure at once; the progress would be a stream of numbers. Events:
 * `pulsewire-execution-retry` before it is asked for; prevent it to do that yourself.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { clock, fill, percent } from '../i18n/index.js';
import { type ExecutionLine, type ExecutionView, openExecution } from '../models/execution.js';
import type { Execution, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { chip } from './chip.js';
import { icons } from './icons.js';
import { actionError, emptyState, panel } from './panel.js';
import { tokens } from './tokens.js';

const looks: Record<Execution['status'], { tone: string; icon: unknown }> = {
  queued: { tone: '', icon: icons.slow },
  running: { tone: 'busy', icon: icons.loop },
  retrying: { tone: 'warn', icon: icons.loop },
  succeeded: { tone: 'ok', icon: icons.check },
  failed: { tone: 'bad', icon: icons.warning },
};

export class PulsewireExecution extends PulsewireElement {
  static override properties: PropertyDeclarations = { executionId: { attribute: 'execution-id' }, label: {} };
  static override styles: Styles = [
    tokens,
    panel,
    chip,
    css`
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 10px;
      }
      .label {
        font-weight: 650;
        overflow-wrap: anywhere;
      }
      .chip {
        font-size: 13px;
      }
      .track {
        height: 8px;
        margin: 8px 0 4px;
        border-radius: 999px;
        overflow: hidden;
        background: var(--_grid);
      }
      .bar {
        height: 100%;
        border-radius: inherit;
        background: var(--_accent);
        transition: width 0.3s ease-out;
      }
      .succeeded .bar {
        background: var(--_ok);
      }
      .failed .bar {
        background: var(--_critical);
      }
      .line {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        font-size: 13px;
        color: var(--_muted);
      }
      .share {
        font-variant-numeric: tabular-nums;
      }
      .why {
        margin: 8px 0 0;
        padding: 8px 12px;
        border-radius: var(--_radius);
        background: var(--_critical-soft);
        overflow-wrap: anywhere;
      }
      .why p {
        margin: 0;
      }
      code {
        font-size: 12px;
        color: var(--_muted);
      }
      details {
        margin-top: 4px;
        font-size: 13px;
      }
      summary {
        cursor: pointer;
        color: var(--_text);
      }
      pre {
        margin: 4px 0 0;
        max-height: 180px;
        overflow: auto;
        font-size: 12px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
    `,
  ];

  declare executionId: string | undefined;
  /** The job's name, as people know it; the backend's title where absent. */
  declare label: string | undefined;
  protected override readonly attachOn: readonly string[] = ['executionId'];
  #view: ExecutionView | undefined;

  protected override attach(client: Pulsewire): Release[] {
    this.#view = this.executionId ? openExecution(client, this.executionId) : undefined;
    return this.#view ? [this.redrawOn(this.#view), this.redrawOn(client.connection)] : [];
  }

  protected override render(): unknown {
    const { execution, status = 'loading', retrying = false, error, title, log = [] } = this.#view?.get() ?? {};
    const label = this.label || title || this.executionId || '';
    if (!execution) {
      return html`<div class="head"><span part="label" class="label">${label}</span></div>
        ${emptyState(this.text, status, this.source, this.text.executionNone, () => void this.#view?.reload())}`;
    }
    const { progress, step, attempt } = execution;
    const look = looks[execution.status];
    const share = Math.max(0, Math.min(1, execution.status === 'succeeded' ? 1 : progress));
    const words = this.text[`execution_${execution.status}`];
    const turning = execution.status === 'running' || execution.status === 'retrying' ? ' turning' : '';
    return html`<div part="execution" class=${execution.status}>
      <div class="head">
        <span part="label" class="label">${label}</span>
        <span part="status" class="chip ${look.tone}${turning}">
          ${look.icon}<span role=${execution.status === 'failed' ? 'alert' : 'status'}>${words}</span>
        </span>
        ${attempt > 1 ? html`<span class="aside">${fill(this.text.executionAttempt, { n: attempt })}</span>` : nothing}
      </div>
      <div
        part="track"
        class="track"
        role="progressbar"
        aria-label=${label}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.round(share * 100)}
        aria-valuetext=${percent(share, this.language)}
      >
        <div part="bar" class="bar" .style=${`width:${(share * 100).toFixed(1)}%`}></div>
      </div>
      <div class="line"><span part="step">${step ?? ''}</span><span part="share" class="share">${percent(share, this.language)}</span></div>
      ${execution.status === 'failed' ? this.#why(execution, retrying) : nothing} ${actionError(this.text, error)}
      ${log.length === 0 ? nothing : this.#log(log)}
    </div>`;
  }

  #log(log: readonly ExecutionLine[]): unknown {
    return html`<details part="log">
      <summary>${this.text.executionLog}</summary>
      <pre tabindex="0">${log.map(({ ts, level, text }) => `${clock(ts, this.language)} ${level} ${text}`).join('\n')}</pre>
    </details>`;
  }

  #why({ error }: Execution, retrying: boolean): unknown {
    return html`${
      error
        ? html`<div part="error" class="why">
            <p>${error.message} <code>${error.code}</code></p>
            ${error.detail ? html`<details><summary>${this.text.executionDetail}</summary><pre tabindex="0">${error.detail}</pre></details>` : nothing}
          </div>`
        : nothing
    }
      <div class="buttons">
        <button part="retry" class="button retry" type="button" aria-disabled=${retrying ? 'true' : 'false'} @click=${this.#retry}>
          ${retrying ? this.text.loading : this.text.tryAgain}
        </button>
      </div>`;
  }

  readonly #retry = (): void => {
    if (this.tell('pulsewire-execution-retry', this.executionId)) void this.#view?.retry();
  };
}
