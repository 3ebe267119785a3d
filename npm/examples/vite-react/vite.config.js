import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const relay = process.env.RELAY ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      '/ws': { target: relay, ws: true },
      '/dev': relay,
      '/api': relay,
    },
  },
});
