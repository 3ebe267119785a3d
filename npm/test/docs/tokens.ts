// Shown in docs/tokens.md; docs.test.ts compares them.
import { createPulsewire } from 'pulsewire';

declare const signIn: (reason: string) => void;

export const pulse = createPulsewire({
  url: 'wss://live.example.org/ws',
  getToken: async ({ reason }) => {
    const answer = await fetch(`/api/pulsewire-token?why=${reason}`, { method: 'POST' });
    if (!answer.ok) throw new Error(`no token: HTTP ${answer.status}`);
    return answer.text();
  },
  onUnauthorized: reason => signIn(reason),
});
