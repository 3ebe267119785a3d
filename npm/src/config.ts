/** Options as the wasm takes them: numbers in the order of client-wasm/src/config.rs, NaN where the default shall stay. */

import { whole } from './core.js';
import { PulsewireError } from './errors.js';
import type { PulsewireOptions, Severity } from './types.js';

const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

/** The numbers of the configuration, and the names of the metrics whose capacities stand last. Throws what makes no sense. */
export function configOf(options: PulsewireOptions): { numbers: number[]; metrics: string[] } {
  const { backoff = {}, telemetry = {}, toasts = {}, outbox = {} } = options;
  const polling = options.polling === false ? { afterTries: 0 } : (options.polling ?? {});
  const number = (value: number | undefined, name: string) => whole(value, `the option ${name}`) ?? Number.NaN;
  const capacities = Object.entries(telemetry.capacities ?? {});
  return {
    numbers: [
      number(options.heartbeatTimeoutMs, 'heartbeatTimeoutMs'),
      number(options.handshakeTimeoutMs, 'handshakeTimeoutMs'),
      number(options.lingerMs, 'lingerMs'),
      number(backoff.baseMs, 'backoff.baseMs'),
      number(backoff.capMs, 'backoff.capMs'),
      number(toasts.durationMs, 'toasts.durationMs'),
      number(outbox.ttlMs, 'outbox.ttlMs'),
      number(polling.waitMs, 'polling.waitMs'),
      number(polling.intervalMs, 'polling.intervalMs'),
      number(toasts.maxVisible, 'toasts.maxVisible'),
      number(telemetry.capacity, 'telemetry.capacity'),
      number(outbox.maxMessages, 'outbox.maxMessages'),
      number(backoff.factor, 'backoff.factor'),
      backoff.jitter === false ? 0 : 1,
      severityOf(toasts.minSeverity),
      number(polling.afterTries, 'polling.afterTries'),
      options.persistOutbox === true ? 1 : 0,
      ...capacities.map(([metric, capacity]) => number(capacity, `telemetry.capacities.${metric}`)),
    ],
    metrics: capacities.map(([metric]) => metric),
  };
}

function severityOf(severity: Severity | undefined): number {
  if (severity === undefined) return Number.NaN;
  const index = SEVERITIES.indexOf(severity);
  if (index >= 0) return index;
  throw new PulsewireError({ code: 'bad_argument', message: `the option toasts.minSeverity must be one of ${SEVERITIES.join(', ')}` });
}
