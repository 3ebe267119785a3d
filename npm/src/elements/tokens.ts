/**
 * The look that all elements share: colours for light and dark, type, spacing.
 *
 * Every colour can be set from outside (`--pw-accent: …` on any ancestor). `light-dark()` follows the inherited `color-scheme`, as the
 * browser's own controls do; a browser without it (before 2024) shows the light palette. All text colours keep 4.5 : 1 on both surfaces.
 */
import { css, unsafeCSS } from 'lit';

/** Name, light, dark. */
export const palette: readonly (readonly [string, string, string])[] = [
  ['surface', '#ffffff', '#151c23'],
  ['raised', '#f4f7f9', '#1e2731'],
  ['border', '#dbe2e8', '#2f3b47'],
  ['text', '#15212b', '#e7eef4'],
  ['muted', '#52616e', '#9fb0bf'],
  ['accent', '#0a6a93', '#5ec3ef'],
  ['ok', '#0c7443', '#4ed08c'],
  ['ok-soft', '#e3f4ea', '#143024'],
  ['warn', '#855300', '#f2c04f'],
  ['warn-soft', '#fdf2d8', '#352a10'],
  ['critical', '#b42318', '#ff8a80'],
  ['critical-soft', '#fdeceb', '#3b1b1b'],
  ['high', '#a84400', '#ffa264'],
  ['high-soft', '#fdeee3', '#38230f'],
  ['medium', '#855300', '#f2c04f'],
  ['medium-soft', '#fdf2d8', '#352a10'],
  ['low', '#3a5a7d', '#9cc1ea'],
  ['low-soft', '#eaf1f8', '#1a2938'],
  ['grid', '#e6ebef', '#26313c'],
  ['hole', '#eef1f4', '#1d262f'],
  ['series-1', '#0c7a47', '#4ed08c'],
  ['series-2', '#0a6a93', '#5ec3ef'],
  ['series-3', '#95610a', '#f2c04f'],
  ['series-4', '#b42318', '#ff8a80'],
  ['series-5', '#6a4bb0', '#b9a1f5'],
  ['series-6', '#4b5b68', '#b5c3cf'],
  ['shadow', '#15212b29', '#00000080'],
];

const plain = palette.map(([name, light]) => `--_${name}: var(--pw-${name}, ${light});`).join('');
const adaptive = palette.map(([name, light, dark]) => `--_${name}: var(--pw-${name}, light-dark(${light}, ${dark}));`).join('');

/** Goes first in every element's styles. */
export const tokens = css`
  :host {
    ${unsafeCSS(plain)}
    --_font: var(--pw-font, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif);
    --_radius: var(--pw-radius, 10px);
    font-family: var(--_font);
    line-height: 1.4;
    -webkit-text-size-adjust: 100%;
  }
  @supports (color: light-dark(#000, #fff)) {
    :host {
      ${unsafeCSS(adaptive)}
    }
  }
  :host([hidden]) {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  svg {
    display: block;
    flex: none;
  }
  button {
    font: inherit;
    color: inherit;
    background: none;
    border: 0;
    padding: 0;
    margin: 0;
    cursor: pointer;
    border-radius: 6px;
  }
  :focus-visible {
    outline: 2px solid var(--_accent);
    outline-offset: 2px;
  }
  .low {
    --_tone: var(--_low);
    --_soft: var(--_low-soft);
  }
  .critical {
    --_tone: var(--_critical);
    --_soft: var(--_critical-soft);
  }
  .high {
    --_tone: var(--_high);
    --_soft: var(--_high-soft);
  }
  .medium {
    --_tone: var(--_medium);
    --_soft: var(--_medium-soft);
  }
  .link:hover {
    text-decoration: underline;
    text-underline-offset: 2px;
  }
  .action {
    display: grid;
    place-items: center;
    width: 28px;
    height: 28px;
    color: var(--_muted);
  }
  .action:hover {
    color: var(--_text);
    background: var(--_raised);
  }
  .turning svg {
    animation: turn 1.6s linear infinite;
  }
  @keyframes turn {
    to {
      transform: rotate(1turn);
    }
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation-duration: 1ms !important;
      animation-iteration-count: 1 !important;
      transition-duration: 1ms !important;
    }
  }
`;

/** Forces one scheme on an element whose surroundings carry `data-theme`, whatever `color-scheme` the page has. */
export const schemes = {
  light: css`
    :host {
      color-scheme: light;
    }
  `,
  dark: css`
    :host {
      color-scheme: dark;
    }
  `,
};
