import { createPulsewire } from 'pulsewire';
import { PulsewireProvider } from 'pulsewire/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Ward } from './Ward';
import './ward.css';

// Once for the page, outside of rendering: StrictMode and hot reload then share it.
const pulse = createPulsewire({
  // No `url`: `/ws` of this page's origin, which the dev server passes on to the relay.
  getToken: async () => (await (await fetch('/dev/token?sub=ana&name=Ana&role=nurse')).json()).token,
});

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <PulsewireProvider client={pulse} connect>
      <Ward />
    </PulsewireProvider>
  </StrictMode>,
);
