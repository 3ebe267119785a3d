/**
 * One metric of one device as reactive state: the numbers of its window and how fresh they are.
 *
 * Must be made while a component initialises; it holds the device's channel as long as that component lives, which is what subscribes on
 * navigating to a page and lets go on leaving it.
 */
import type { Freshness, Pulsewire, SubscribeOptions, TelemetryHandle, TelemetryStats } from 'pulsewire';

export class LiveMetric {
  stats = $state.raw<TelemetryStats | undefined>();
  freshness = $state<Freshness>('empty');
  ageMs = $state<number | undefined>();
  unit = $state<string | undefined>();
  handle: TelemetryHandle | undefined;

  constructor(client: () => Pulsewire, target: () => { deviceId: string; metric: string; options?: SubscribeOptions & { capacity?: number } }) {
    $effect(() => {
      const { deviceId, metric, options } = target();
      const handle = client().telemetry(deviceId, metric, options);
      this.handle = handle;
      const read = (): void => {
        this.stats = handle.stats();
        const { state, ageMs } = handle.freshness();
        this.freshness = state;
        this.ageMs = ageMs;
        this.unit = handle.view().unit;
      };
      read();
      const off = handle.listen(read);
      const timer = setInterval(read, 1_000);
      return () => {
        clearInterval(timer);
        off();
        handle.release();
        this.handle = undefined;
      };
    });
  }
}
