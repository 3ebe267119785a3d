/** The look of the chart, and the few rules of uPlot's own style sheet that it needs inside the shadow root. */
import { css } from 'lit';

export const chartStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-width: 0;
    color: var(--_text);
    font-size: 13px;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 4px 16px;
    padding: 0 2px 6px;
  }
  .title {
    font-weight: 650;
  }
  .metric {
    display: inline-flex;
    align-items: baseline;
    gap: 6px;
    color: var(--_muted);
    white-space: nowrap;
  }
  .swatch {
    align-self: center;
    width: 14px;
    height: 3px;
    border-radius: 2px;
    background: currentColor;
  }
  .value {
    min-width: 2.2ch;
    font-size: 18px;
    font-weight: 650;
    line-height: 1.2;
    font-variant-numeric: tabular-nums;
    color: var(--_text);
  }
  .at {
    color: var(--_muted);
    font-variant-numeric: tabular-nums;
  }
  .chip {
    margin-inline-start: auto;
    padding-block: 1px;
    font-size: 12px;
  }
  .chip::before {
    content: '';
    width: 7px;
    height: 7px;
    border-radius: 50%;
    background: currentColor;
  }
  .warn::before {
    background: none;
    box-shadow: inset 0 0 0 2px currentColor;
  }
  .plots {
    position: relative;
    flex: 1;
    min-height: var(--pw-chart-height, 180px);
    overflow: hidden;
  }
  .plot {
    position: absolute;
    inset-inline: 0;
  }
  .canvas.empty {
    visibility: hidden;
  }
  .empty-note {
    position: absolute;
    inset: 0;
    display: grid;
    place-items: center;
    color: var(--_muted);
    border: 1px dashed var(--_border);
    border-radius: var(--_radius);
  }

  .u-wrap {
    position: relative;
    user-select: none;
  }
  .u-over,
  .u-under {
    position: absolute;
  }
  .u-under {
    overflow: hidden;
  }
  .uplot canvas {
    display: block;
    position: relative;
    width: 100%;
    height: 100%;
  }
  .u-axis {
    position: absolute;
  }
  .u-cursor-x {
    position: absolute;
    left: 0;
    top: 0;
    height: 100%;
    border-right: 1px dashed var(--_muted);
    pointer-events: none;
    will-change: transform;
  }
  .u-off {
    display: none;
  }
`;
