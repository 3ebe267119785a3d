/** An outline beside a text that says the same. */
import { ICONS, type IconName } from '../lib/icons';

export function Icon({ name, size = 19 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon-outline" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}
