/**
 * Where the relay is: turns the `url` option into the address of its WebSocket.
 *
 * `http(s)` becomes `ws(s)` and gets `/ws` at its end; `ws(s)` and paths are taken as they are, apart from an empty path.
 */

import { PulsewireError } from './errors.js';
import type { PulsewireOptions } from './types.js';

/** Node's, and what bundlers replace; not there on a plain page. */
declare const process: { env: { NODE_ENV?: string } };

/** The page's address, where there is a page. */
function pageUrl(): string | undefined {
  return typeof location === 'object' && location !== null && location.href !== 'about:blank' ? location.href : undefined;
}

/** Bundlers put the word in place of `process.env.NODE_ENV`; on a plain page there is no `process`, and the host decides. */
function isDevelopment(): boolean {
  try {
    return process.env.NODE_ENV !== 'production';
  } catch {
    return typeof location === 'object' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(location.hostname);
  }
}

export function socketUrl(option: PulsewireOptions['url']): string {
  const given =
    typeof option === 'object' && option !== null ? (isDevelopment() ? option.development : option.production) : (option ?? '/ws');
  let url: URL;
  try {
    url = new URL(given, pageUrl());
  } catch (cause) {
    const why =
      pageUrl() === undefined ? 'there is no page here to take the rest from: give it whole, as in wss://relay.example/ws' : 'it is no URL';
    throw new PulsewireError({ code: 'bad_url', message: `the option url (${JSON.stringify(given)}) cannot be used: ${why}` }, { cause });
  }
  const absolute = /^[a-z][a-z0-9+.-]*:/i.test(given);
  const http = url.protocol === 'http:' || url.protocol === 'https:';
  if (!http && url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new PulsewireError({
      code: 'bad_url',
      message: `the option url (${JSON.stringify(given)}) has the scheme ${url.protocol}; it must be one of wss, ws, https and http`,
    });
  }
  if (url.pathname === '/') url.pathname = '/ws';
  else if (absolute && http && !/\/ws\/?$/.test(url.pathname)) url.pathname = `${url.pathname.replace(/\/$/, '')}/ws`;
  url.hash = '';
  return url.href.replace(/^http/, 'ws');
}
