import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

// Pulsewire needs nothing here.
export default defineConfig({ plugins: [sveltekit()] });
