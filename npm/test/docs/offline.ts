// Shown in docs/staying-connected.md; docs.test.ts compares them.
import type { DeliveryState, OutboxItem, Pulsewire } from 'pulsewire';

declare const pulse: Pulsewire;
declare const text: string;
declare const mark: (state: DeliveryState) => void;
declare const tell: (code: string, retryable: boolean) => void;
declare const render: (items: readonly OutboxItem[]) => void;

const delivery = pulse.publish('conversation:c-1', 'note', { text });
delivery.state.subscribe(state => mark(state)); // queued → sent → confirmed, failed or unknown
delivery.catch(({ code, retryable }) => tell(code, retryable)); // expired, outbox_full, forbidden, unknown, …

pulse.outbox.subscribe(items => render(items)); // [{ id, channel, event, data, queuedAt, state }], also useOutbox() and $outbox
