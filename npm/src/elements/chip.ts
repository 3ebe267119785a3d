/** The pill that states a status: badge, connection, viewers and charts share its look. */
import { css } from 'lit';

export const chip = css`
  .chip {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    padding: 2px 10px 2px 8px;
    border-radius: 999px;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
    color: var(--_muted);
    background: var(--_raised);
  }
  .ok {
    color: var(--_ok);
    background: var(--_ok-soft);
  }
  .warn {
    color: var(--_warn);
    background: var(--_warn-soft);
  }
  .bad {
    color: var(--_critical);
    background: var(--_critical-soft);
  }
  .busy {
    color: var(--_accent);
    background: color-mix(in srgb, var(--_accent) 11%, var(--_surface));
  }
`;
