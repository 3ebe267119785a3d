import { createPulsewire } from 'pulsewire';
import { defineElements, setDefaultClient } from 'pulsewire/elements';

const pulse = createPulsewire({
  // No `url`: the relay serves this page, so it is at `/ws` of the same origin.
  getToken: async () => (await (await fetch('/dev/token?sub=ana&name=Ana&role=nurse')).json()).token,
});
setDefaultClient(pulse);
await defineElements();

// Alerts of the whole ward come on the tenant's channel.
pulse.channel('tenant', { history: 20 });

const rate = pulse.telemetry('bed-1', 'heart_rate');
const output = document.getElementById('rate');
rate.listen(() => {
  output.value = rate.stats()?.last.toFixed(0) ?? '–';
});

await pulse.connect();
