/** What the tests of the models stand on: a client on the fake relay, a clock of their own, and a user who may change. */
import { afterEach, beforeEach } from 'vitest';
import { createPulsewire, type Pulsewire } from '../src/index.js';
import { createFakeRelay, type FakeClock, type FakeRelay, installFakeClock } from '../src/testing/index.js';

export let relay: FakeRelay;
export let clock: FakeClock;
export let client: Pulsewire;
export const ends: (() => void)[] = [];
let who = 'ana';
export const nurse = { sender: 'nurse', senderName: 'Ana Lima' } as const;
beforeEach(async () => {
  clock = installFakeClock();
  who = 'ana';
  relay = createFakeRelay();
  client = createPulsewire({
    url: 'ws://relay.test/ws',
    WebSocket: relay.WebSocket,
    getToken: () => relay.token({ sub: who }),
    polling: false,
    backoff: { jitter: false },
  });
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
  client.destroy();
  clock.restore();
});
export async function connect(): Promise<void> {
  await client.connect();
  await clock.advance(100);
}
export const watch = (model: { listen(changed: () => void): () => void }) => void ends.push(model.listen(() => {}));
export const note = (id: string, ts: number, read = false) => ({ id, title: id, body: '', severity: 'low' as const, ts, read });
export const calls = (method: string) => relay.receivedOf('call').filter(message => message.method === method);
/** Whose token the next connection has. */
export function signInAs(user: string): void {
  who = user;
}
/** Who that is now. */
export const signedIn = (): string => who;
