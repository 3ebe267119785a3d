import { defineConfig } from 'vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';

// During `npm run dev` the page comes from Vite and everything live from a relay started by hand:
// `pulsewire-relay --dev --simulate 8` (or `cargo xtask demo`) on its default port.
const relay = process.env.PULSEWIRE_RELAY ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: 'build',
    target: 'es2022',
    sourcemap: true,
    // Two pages of one ward: in Svelte, and its main page in React.
    rolldownOptions: { input: { main: 'index.html', react: 'react/index.html' } },
  },
  server: {
    proxy: {
      '/ws': { target: relay, ws: true },
      '/api': relay,
      '/dev': relay,
    },
  },
});
