/**
 * What a hospital's backend would do: posts a status or an alert to the relay over HTTP, with a service token.
 */
import type { DeviceState, Severity } from 'pulsewire';
import { forgetServiceToken, serviceToken } from './tokens';

async function post(path: string, body: unknown): Promise<void> {
  const send = async (): Promise<Response> =>
    fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await serviceToken()}` },
      body: JSON.stringify(body),
    });
  let answer = await send();
  if (answer.status === 401) {
    forgetServiceToken();
    answer = await send();
  }
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => ({}))) as { detail?: string; title?: string; code?: string };
    throw new Error(problem.detail ?? problem.title ?? problem.code ?? `HTTP ${answer.status}`);
  }
}

export function postStatus(deviceId: string, status: DeviceState): Promise<void> {
  return post('/api/v1/devices/status', { deviceId, status });
}

export interface NewAlert {
  patientId: string;
  patientName: string;
  deviceId: string;
  severity: Severity;
  type: string;
  message: string;
}
export function postAlert(alert: NewAlert): Promise<void> {
  return post('/api/v1/devices/alerts', alert);
}

/** Asks for a long job, which a worker takes. */
export function postExecution(executionId: string, title: string): Promise<void> {
  return post('/api/v1/executions', { executionId, title });
}

/** To everyone of the tenant, kept by the relay for those who are away. */
export function postNotification(title: string, body: string, link: string): Promise<void> {
  return post('/api/v1/notifications', { to: { all: true }, title, body, severity: 'low', link });
}
