/** The few icons of the elements: stroked, 16 px, in the text's colour, silent for screen readers because a word always stands beside them. */
import { html, svg, type TemplateResult } from 'lit';

const icon = (paths: TemplateResult): TemplateResult => html`<svg viewBox="0 0 16 16" width="16" height="16" fill="none"
  stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${paths}</svg>`;

export const icons = {
  check: icon(svg`<circle cx="8" cy="8" r="6.2"/><path d="m5.4 8.2 1.8 1.8 3.4-3.8"/>`),
  slash: icon(svg`<circle cx="8" cy="8" r="6.2"/><path d="m3.8 12.2 8.4-8.4"/>`),
  wrench: icon(
    svg`<path d="M9.6 6.4a3.4 3.4 0 0 1 4.3-4.2l-2.2 2.2.4 1.5 1.5.4 2-2a3.4 3.4 0 0 1-4.4 4L5.6 13.9a1.6 1.6 0 0 1-2.3-2.3Z"/>`,
  ),
  eye: icon(svg`<path d="M1.4 8S3.8 3.6 8 3.6 14.6 8 14.6 8 12.2 12.4 8 12.4 1.4 8 1.4 8Z"/><circle cx="8" cy="8" r="2"/>`),
  close: icon(svg`<path d="m4 4 8 8M12 4l-8 8"/>`),
  warning: icon(svg`<path d="M8 2.2 14.6 13.4H1.4Z"/><path d="M8 6.6v3M8 11.5v.1"/>`),
  octagon: icon(svg`<path d="M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4Z"/><path d="M8 4.8v3.8M8 11.1v.1"/>`),
  info: icon(svg`<circle cx="8" cy="8" r="6.2"/><path d="M8 7.4v3.4M8 5.1v.1"/>`),
  pulse: icon(svg`<path d="M1.2 8h3l1.6-4.4 3 8.8L10.6 8h4.2"/>`),
  loop: icon(svg`<path d="M13.6 8a5.6 5.6 0 1 1-1.7-4"/><path d="M13.8 1.8v2.8H11"/>`),
  lock: icon(svg`<rect x="3" y="7" width="10" height="6.8" rx="1.6"/><path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2"/>`),
  bell: icon(
    svg`<path d="M3.2 11.4c1-1 1.2-2.2 1.2-4.2a3.6 3.6 0 0 1 7.2 0c0 2 .2 3.2 1.2 4.2Z"/><path d="M6.6 13.6a1.6 1.6 0 0 0 2.8 0"/>`,
  ),
  sound: icon(svg`<path d="M2 6.2h2.4L7.8 3.4v9.2L4.4 9.8H2Z"/><path d="M10.4 5.8a3.2 3.2 0 0 1 0 4.4M12.4 4a5.8 5.8 0 0 1 0 8"/>`),
  send: icon(svg`<path d="M2 8 14 2.6 10 13.6 7.6 9.2Z"/><path d="M7.6 9.2 14 2.6"/>`),
  down: icon(svg`<path d="M8 2.6v10.2M3.8 8.8 8 13l4.2-4.2"/>`),
  sent: icon(svg`<path d="m3.4 8.4 3 3 6.2-7"/>`),
  twice: icon(svg`<path d="m1.2 8.6 2.8 2.8 5.6-6.4M7 10.4l1 1 6.4-7"/>`),
  slow: icon(svg`<circle cx="8" cy="8" r="6.2"/><path d="M8 4.6V8l2.2 1.4"/>`),
};

/** Of a severity: the shape tells as much as the colour. */
export const severityIcons = {
  critical: icons.octagon,
  high: icons.warning,
  medium: icons.info,
  low: icons.info,
} as const;

/** A battery filled to its share. */
export function batteryIcon(share: number): TemplateResult {
  const width = Math.max(0.6, Math.min(1, share) * 8.4);
  return html`<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.4" aria-hidden="true">
    <rect x="1.2" y="4.6" width="11.6" height="6.8" rx="1.8"/><path d="M14.8 7v2" stroke-linecap="round"/>
    <rect x="2.8" y="6.2" width=${width} height="3.6" rx=".6" fill="currentColor" stroke="none"/></svg>`;
}
