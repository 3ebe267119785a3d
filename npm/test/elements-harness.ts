/** Puts elements into the test's page and waits for them to draw. */
import type { LitElement } from 'lit';
import { defineElements, type PulsewireElements } from '../src/elements/index.js';
import type { FakeClient } from './fake-client.js';

/** An element in the document, drawn; `props` may name attributes (strings) and properties. */
export async function place<K extends keyof PulsewireElements>(
  tag: K,
  client: FakeClient | undefined,
  attributes: Record<string, string> = {},
  parent: Element = document.body,
): Promise<PulsewireElements[K]> {
  await defineElements();
  const element = document.createElement(tag) as PulsewireElements[K];
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (client) element.client = client;
  parent.append(element);
  await drawn(element);
  return element;
}

export async function drawn(element: Element): Promise<void> {
  await (element as LitElement).updateComplete;
}

/** What the element shows, white space made single, hidden parts included. */
export function shown(element: Element): string {
  const copy = element.shadowRoot?.cloneNode(true) as DocumentFragment;
  for (const style of copy.querySelectorAll('style')) style.remove();
  return copy.textContent?.replace(/\s+/g, ' ').trim() ?? '';
}

export function inside<T extends Element = HTMLElement>(element: Element, selector: string): T {
  const found = element.shadowRoot?.querySelector<T>(selector);
  if (!found) throw new Error(`no ${selector} in <${element.localName}>: ${shown(element)}`);
  return found;
}
export function maybe(element: Element, selector: string): Element | null {
  return element.shadowRoot?.querySelector(selector) ?? null;
}
