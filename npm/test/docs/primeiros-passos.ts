// Shown in docs/pt-BR/primeiros-passos.md; docs.test.ts compares them.
import { createPulsewire } from 'pulsewire';

const pulse = createPulsewire({
  url: { development: 'ws://127.0.0.1:8080/ws', production: 'wss://live.example.org/ws' },
  getToken: async () => (await fetch('/api/pulsewire-token', { method: 'POST' })).text(), // o seu servidor, que sabe quem entrou
});
await pulse.connect();
pulse.channel('device:bed-1');
pulse.deviceStatuses.subscribe(all => {
  document.title = all['bed-1']?.status ?? 'unknown';
});
