/** Random ids. `crypto.randomUUID` is not there on pages without TLS, which wards have. */

export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(36).padStart(2, '0')).join('');
}
