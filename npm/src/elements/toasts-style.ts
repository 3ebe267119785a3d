/** The look of the toast region: a calm stack at the top right; a coloured edge, an icon and a word tell the severity. */
import { css } from 'lit';

export const toastStyles = css`
  :host {
    position: fixed;
    --_place: var(--_top, var(--pw-toasts-top, 16px)) var(--_right, var(--pw-toasts-right, 16px)) auto auto;
    inset: var(--_place);
    z-index: var(--pw-toasts-z, 1000);
    width: min(372px, calc(100vw - 2 * var(--pw-toasts-right, 16px)));
    pointer-events: none;
  }
  section {
    max-height: var(--_most, none);
    overflow: var(--_scroll, visible);
  }
  /* In the top layer, where it was. */
  section[popover] {
    inset: var(--_place);
    width: inherit;
    margin: 0;
    padding: 0;
    border: 0;
    overflow: visible;
    color: inherit;
    background: none;
  }
  @media (max-width: 1200px) {
    section {
      margin-top: max(0px, calc(var(--_banner, 0px) - var(--pw-toasts-top, 16px) + 10px));
      transition: margin-top 0.2s ease-out;
    }
  }
  ol {
    display: flex;
    flex-direction: column;
    gap: 10px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .toast {
    position: relative;
    display: grid;
    grid-template-columns: 32px 1fr auto;
    gap: 0 12px;
    align-items: start;
    padding: 12px 10px 12px 14px;
    border-radius: calc(var(--_radius) + 2px);
    color: var(--_text);
    background: var(--_surface);
    box-shadow:
      0 0 0 1px var(--_border),
      0 12px 32px -10px var(--_shadow);
    overflow: hidden;
    pointer-events: auto;
    animation: enter 0.24s cubic-bezier(0.2, 0.8, 0.2, 1);
  }
  .toast::before {
    content: '';
    position: absolute;
    inset: 0 auto 0 0;
    width: 4px;
    background: var(--_tone);
  }
  .leaving {
    animation: leave 0.18s ease-in forwards;
    pointer-events: none;
  }
  .icon {
    display: grid;
    place-items: center;
    width: 32px;
    height: 32px;
    border-radius: 50%;
    color: var(--_tone);
    background: var(--_soft);
  }
  .body {
    min-width: 0;
  }
  .meta {
    display: flex;
    gap: 6px;
    font-size: 12px;
    color: var(--_muted);
  }
  .severity {
    font-weight: 650;
    color: var(--_tone);
  }
  .title {
    display: block;
    margin: 1px 0 0;
    font-size: 14px;
    font-weight: 650;
    text-align: start;
    overflow-wrap: anywhere;
  }
  /* The whole card is the link's target, while its text stays what is focused and read. */
  .whole::after {
    content: '';
    position: absolute;
    inset: 0;
  }
  .message {
    margin: 2px 0 0;
    font-size: 13px;
    color: var(--_muted);
    overflow-wrap: anywhere;
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 3;
    overflow: hidden;
  }
  .times {
    margin-inline-start: auto;
    padding: 0 7px;
    border-radius: 999px;
    font-weight: 700;
    color: var(--_tone);
    background: var(--_soft);
  }
  .expand {
    margin-top: 4px;
    font-size: 13px;
    font-weight: 600;
    color: var(--_accent);
  }
  .members {
    max-height: 220px;
    margin: 6px 0 0;
    padding: 0;
    overflow-y: auto;
    list-style: none;
    font-size: 13px;
    color: var(--_muted);
  }
  .members li {
    padding: 3px 0;
    overflow-wrap: anywhere;
  }
  .member {
    display: block;
    font-weight: 600;
    color: var(--_text);
    text-align: start;
  }
  .hint {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    color: var(--_warn);
    pointer-events: auto;
  }
  .close {
    position: relative;
    z-index: 1;
  }
  .more {
    justify-self: end;
    align-self: flex-end;
    padding: 3px 12px;
    border-radius: 999px;
    font-size: 12px;
    font-weight: 600;
    color: var(--_muted);
    background: var(--_surface);
    box-shadow:
      0 0 0 1px var(--_border),
      0 4px 12px -4px var(--_shadow);
  }
  @keyframes enter {
    from {
      opacity: 0;
      transform: translateX(24px);
    }
  }
  @keyframes leave {
    to {
      opacity: 0;
      transform: translateX(24px);
    }
  }
  @media (max-width: 480px) {
    :host {
      --_place: var(--_top, var(--pw-toasts-top, 12px)) var(--_right, 12px) auto 12px;
      width: auto;
    }
  }
`;
