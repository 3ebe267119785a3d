/**
 * Which page is shown, from the address's hash: a handful of pages need no library, and the hash needs no server rule.
 *
 * `#/` ward · `#/patient/bed-1` · `#/measurements` · `#/chat/patient-1` · `#/sign-in`
 */
export type Route = { page: 'ward' } | { page: 'measurements' } | { page: 'chat'; patientId: string | undefined } | { page: 'patient'; deviceId: string } | { page: 'sign-in' } | { page: 'unknown' };

function parse(hash: string): Route {
  const path = hash.replace(/^#/, '').split('?')[0] ?? '';
  if (path === '' || path === '/') return { page: 'ward' };
  if (path === '/measurements') return { page: 'measurements' };
  if (path === '/sign-in') return { page: 'sign-in' };
  const chat = /^\/chat(?:\/([A-Za-z0-9._~@-]{1,128}))?$/.exec(path);
  if (chat) return { page: 'chat', patientId: chat[1] };
  const patient = /^\/patient\/([A-Za-z0-9._~@-]{1,128})$/.exec(path);
  return patient?.[1] ? { page: 'patient', deviceId: patient[1] } : { page: 'unknown' };
}

class Router {
  route = $state<Route>(parse(location.hash));

  constructor() {
    window.addEventListener('hashchange', () => {
      this.route = parse(location.hash);
      window.scrollTo(0, 0);
    });
  }

  go(hash: string): void {
    location.hash = hash;
  }
}

export const router = new Router();
