/** Addresses of pages, absolute: the ward in React lives in another folder and leads to the same pages. */
import type { IconName } from './icons';
import type { MessageKey } from './messages';

export const WARD_HREF = '/#/';
export const patientHref = (deviceId: string): string => `/#/patient/${deviceId}`;

export const CHAT_HREF = '/#/chat';
export const chatHref = (patientId: string): string => `/#/chat/${patientId}`;

/** Goes where a notification leads: on this page alone, whatever its link says. */
export function follow(link: string | undefined): void {
  if (link === undefined) return;
  const url = new URL(link, location.href);
  if (url.origin === location.origin) location.assign(url);
}

/** What the top bar leads to, for the staff; a patient has the messages alone. */
export const PAGES: readonly { id: 'ward' | 'chat' | 'measurements' | 'react'; href: string; icon: IconName; label: MessageKey }[] = [
  { id: 'ward', href: WARD_HREF, icon: 'bed', label: 'ward' },
  { id: 'chat', href: CHAT_HREF, icon: 'chat', label: 'chat' },
  { id: 'measurements', href: '/#/measurements', icon: 'gauge', label: 'measurements' },
  { id: 'react', href: '/react/', icon: 'atom', label: 'react' },
];
