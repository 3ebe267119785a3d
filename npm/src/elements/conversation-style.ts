/** The look of a conversation: others at the start, own messages at the end, a quiet line between two days. */
import { css } from 'lit';

export const conversationStyles = css`
  :host {
    height: var(--pw-conversation-height, 420px);
  }
  .conversation {
    display: flex;
    flex-direction: column;
    height: 100%;
    gap: 4px;
  }
  .frame {
    position: relative;
    flex: 1;
    min-height: 0;
  }
  .list {
    height: 100%;
    overflow-y: auto;
    overscroll-behavior: contain;
    display: flex;
    flex-direction: column;
    gap: 3px;
    padding: 4px 6px;
    /* The place is kept by hand, once. */
    overflow-anchor: none;
  }
  .older {
    padding: 6px;
  }
  .older .error {
    padding: 0;
  }
  .day {
    display: flex;
    justify-content: center;
    padding: 10px 0 4px;
    font-size: 12px;
    font-weight: 600;
    color: var(--_muted);
  }
  .message {
    display: flex;
    flex-direction: column;
    align-items: flex-start;
    max-width: min(82%, 560px);
    align-self: flex-start;
  }
  .own {
    align-self: flex-end;
    align-items: flex-end;
  }
  .author {
    padding: 6px 4px 1px;
    font-size: 12px;
    font-weight: 650;
    color: var(--_muted);
  }
  .bubble {
    padding: 7px 12px;
    border-radius: 14px;
    border-end-start-radius: 4px;
    background: var(--_raised);
    overflow-wrap: anywhere;
  }
  .words {
    white-space: pre-wrap;
  }
  .own .bubble {
    border-end-start-radius: 14px;
    border-end-end-radius: 4px;
    background: color-mix(in srgb, var(--_accent) 14%, var(--_surface));
  }
  .bad .bubble {
    background: var(--_critical-soft);
  }
  audio {
    display: block;
    max-width: 100%;
    height: 36px;
  }
  .time {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    padding: 1px 4px 3px;
    font-size: 11.5px;
    color: var(--_muted);
    font-variant-numeric: tabular-nums;
  }
  .delivery {
    display: inline-flex;
    align-items: center;
    gap: 4px;
  }
  .delivery svg {
    width: 13px;
    height: 13px;
  }
  .read {
    color: var(--_accent);
  }
  .failed.delivery,
  .unknown.delivery {
    color: var(--_critical);
    font-weight: 600;
  }
  .message .buttons {
    padding: 0 0 6px;
  }
  .jump {
    position: absolute;
    inset: auto 50% 10px auto;
    transform: translateX(50%);
    white-space: nowrap;
    display: inline-flex;
    align-items: center;
    gap: 6px;
    min-height: 34px;
    padding: 6px 12px;
    border-radius: 999px;
    font-size: 13px;
    font-weight: 600;
    color: var(--_accent);
    background: var(--_surface);
    box-shadow:
      0 0 0 1px var(--_border),
      0 6px 16px -6px var(--_shadow);
  }
  .composer {
    display: flex;
    align-items: flex-end;
    gap: 8px;
  }
  textarea {
    flex: 1;
    min-width: 0;
    max-height: 130px;
    padding: 9px 12px;
    border: 1px solid var(--_muted);
    border-radius: 18px;
    /* Under 16 px a phone would zoom into the field. */
    font: inherit;
    font-size: 16px;
    line-height: 1.3;
    color: var(--_text);
    background: var(--_surface);
    resize: none;
  }
  textarea::placeholder {
    color: var(--_muted);
    opacity: 1;
  }
  .send {
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    border-radius: 50%;
    color: var(--_surface);
    background: var(--_accent);
  }
`;
