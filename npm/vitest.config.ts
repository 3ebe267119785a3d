import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// Tests that need a DOM say so on their first line: `// @vitest-environment happy-dom`.
export default defineConfig({
  plugins: [svelte()],
  resolve: { conditions: ['browser'] },
  test: { include: ['test/**/*.test.{ts,tsx}'], testTimeout: 10_000 },
});
