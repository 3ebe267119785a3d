/** Addresses of pages, absolute: the ward in React lives in another folder and leads to the same pages. */
import type { IconName } from './icons';
import type { MessageKey } from './messages';

export const WARD_HREF = '/#/';
export const patientHref = (deviceId: string): string => `/#/patient/${deviceId}`;

/** What the top bar leads to. */
export const PAGES: readonly { id: 'ward' | 'measurements' | 'react'; href: string; icon: IconName; label: MessageKey }[] = [
  { id: 'ward', href: WARD_HREF, icon: 'bed', label: 'ward' },
  { id: 'measurements', href: '/#/measurements', icon: 'gauge', label: 'measurements' },
  { id: 'react', href: '/react/', icon: 'atom', label: 'react' },
];
