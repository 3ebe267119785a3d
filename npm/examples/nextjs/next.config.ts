import type { NextConfig } from 'next';

// Pulsewire needs nothing here.
const config: NextConfig = {};

export default config;
