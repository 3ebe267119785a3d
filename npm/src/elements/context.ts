/**
 * How an element finds the client it shows: its own `.client`, else the nearest `<pulsewire-provider>`, else the page's default.
 *
 * Free of Lit and of the DOM at import, so that the entry can be imported while rendering on a server. The default lives in the
 * module: it is for the browser, where a page has one user; nothing on a server reads it.
 */
import type { Pulsewire } from '../types.js';

type Receive = (client: Pulsewire | undefined) => void;

const waiting = new Set<Receive>();
let defaultClient: Pulsewire | undefined;

/** The client of every element that has none of its own and stands in no `<pulsewire-provider>`. */
export function setDefaultClient(client: Pulsewire | undefined): void {
  defaultClient = client;
  for (const receive of [...waiting]) receive(client);
}

const REQUEST = 'pulsewire-client-request';

/** Asked by elements, answered by the nearest provider: `receive` is called at once and again whenever the client changes. */
export interface ClientRequest {
  receive: Receive;
  /** Set by the provider that answers; ends the answers. */
  stop?: () => void;
}

/** Finds the client for an element that is in the document; the answer may come, and change, later. Call the result to stop. */
export function requestClient(element: Element, receive: Receive): () => void {
  const request: ClientRequest = { receive };
  element.dispatchEvent(new CustomEvent(REQUEST, { detail: request, bubbles: true, composed: true }));
  if (request.stop) return request.stop;
  waiting.add(receive);
  receive(defaultClient);
  return () => waiting.delete(receive);
}

/** Answers the requests of everything inside an element. */
export function provideClient(provider: Element, current: () => Pulsewire | undefined): { changed(): void; stop(): void } {
  const receivers = new Set<Receive>();
  const answer = (event: Event): void => {
    const request = (event as CustomEvent<ClientRequest>).detail;
    event.stopPropagation();
    receivers.add(request.receive);
    request.stop = () => receivers.delete(request.receive);
    request.receive(current());
  };
  provider.addEventListener(REQUEST, answer);
  return {
    changed: () => {
      for (const receive of [...receivers]) receive(current());
    },
    stop: () => provider.removeEventListener(REQUEST, answer),
  };
}
