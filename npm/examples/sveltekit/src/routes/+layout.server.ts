import { env } from '$env/dynamic/private';

/** The relay's address, read when the server runs, not when it is built. */
export const load = () => ({ relay: env.PULSEWIRE_URL ?? 'ws://127.0.0.1:8080/ws' });
