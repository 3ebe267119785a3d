/** `defineElements()`: fetches and registers the elements; apart from the entry, so that who only calls it takes nothing else along. */

/**
 * Registers all elements, once however often it is called; resolves when they are usable. On a server it does nothing.
 * Elements already in the page, and properties already set on them, are taken over.
 */
export async function defineElements(): Promise<void> {
  if (typeof customElements === 'undefined') return;
  const { define } = await import('./define.js');
  await define();
}
