/** Every text of the demo, in English and in Brazilian Portuguese. */
import type { en } from './messages.en';

export { en } from './messages.en';
export { pt } from './messages.pt';
export type MessageKey = keyof typeof en;
