/** `pulsewire/testing`: a relay and a clock in memory, for an app's own tests. Needs no server and no test runner of a kind. */
export { type FakeClock, installFakeClock } from './clock.js';
export { type Author, createFakeRelay, FakeRelay, type FakeRelayOptions, type FakeTokenClaims, type ReceivedMessage } from './relay.js';
