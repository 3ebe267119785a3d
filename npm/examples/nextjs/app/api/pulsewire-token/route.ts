import { SignJWT } from 'jose';

/** What `pulsewire-relay --dev` takes; everyone knows it. */
const DEVELOPMENT_SECRET = 'pulsewire-development-secret-known-to-everyone';

/** POST, so that neither a cache nor a link can ask for one. */
export async function POST(): Promise<Response> {
  // Your own session goes here: who is signed in, which hospital's, with what rights.
  const user = { id: 'ana', name: 'Ana', tenant: 'demo', role: 'nurse' };
  const secret = new TextEncoder().encode(process.env.PULSEWIRE_JWT_SECRET ?? DEVELOPMENT_SECRET);
  const token = await new SignJWT({ name: user.name, tenant: user.tenant, role: user.role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user.id)
    .setIssuedAt()
    .setExpirationTime('15 min')
    .sign(secret);
  return new Response(token, { headers: { 'cache-control': 'no-store' } });
}
