/** The bits by which the core names the parts of its state (`Slices` in client-core/src/output.rs). */

export const Slice = {
  connection: 1,
  devices: 1 << 1,
  alerts: 1 << 2,
  dashboard: 1 << 3,
  viewers: 1 << 4,
  toasts: 1 << 5,
  channels: 1 << 6,
  telemetry: 1 << 7,
  metrics: 1 << 8,
} as const;
