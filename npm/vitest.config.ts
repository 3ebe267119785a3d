import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// The guides' examples (test/docs) name the package as an app does.
const alias = [
  { find: /^pulsewire$/, replacement: at('src/index.ts') },
  { find: /^pulsewire\/(svelte\/runes|react\/elements|react\/people|react\/health)$/, replacement: at('src/$1.ts') },
  { find: /^pulsewire\/svelte\/people$/, replacement: at('src/svelte/people.runes.ts') },
  { find: /^pulsewire\/people$/, replacement: at('src/models/index.ts') },
  { find: /^pulsewire\/(\w+)$/, replacement: at('src/$1/index.ts') },
];

// Tests that need a DOM say so on their first line: `// @vitest-environment happy-dom`.
export default defineConfig({
  plugins: [svelte()],
  test: {
    testTimeout: 10_000,
    projects: [
      {
        extends: true,
        resolve: { conditions: ['browser'], alias },
        test: { name: 'package', include: ['test/*.test.{ts,tsx}', 'test/docs/*.test.{ts,tsx}'] },
      },
      // Svelte's own server build, without a DOM: as SvelteKit renders.
      { extends: true, test: { name: 'server', include: ['test/server/*.test.ts'] } },
      {
        extends: true,
        resolve: {
          conditions: ['browser'],
          alias: {
            react: at('test/react-18/node_modules/react'),
            'react-dom': at('test/react-18/node_modules/react-dom'),
            // Its ES module, whose imports the aliases above reach.
            '@testing-library/react': at('node_modules/@testing-library/react/dist/@testing-library/react.esm.js'),
          },
        },
        test: {
          name: 'react-18',
          env: { REACT: '18' },
          include: ['test/react*.test.tsx'],
          server: { deps: { inline: [/@testing-library\/react/] } },
        },
      },
    ],
  },
});
