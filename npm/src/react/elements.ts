/**
 * The custom elements as React components: React 18 passes neither properties nor events to them, and both versions want types.
 *
 * Each wrapper gives its element the client of the nearest provider, and asks for the elements' definitions once it is mounted.
 */
import { createElement, type HTMLAttributes, type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import { defineElements, type PulsewireElements, type Texts } from '../elements/index.js';
import type { Alert, Toast } from '../types.js';
import { usePulsewire } from './context.js';

// On a server effects do not run, and React 18 warns of layout effects there.
const useBrowserLayoutEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect;

interface Common extends HTMLAttributes<HTMLElement> {
  texts?: Partial<Texts>;
  children?: ReactNode;
}
type Listeners = Record<string, string>;

/** A component for one element; `properties` are set on it, `events` maps the names of props to those of events. */
function wrap<Props extends object>(tag: keyof PulsewireElements, properties: readonly string[] = [], events: Listeners = {}) {
  const own = ['texts', ...properties];
  // biome-ignore lint/correctness/noComponentHookFactories: called once per element, at module level only
  function Wrapped(props: Props & Common) {
    const client = usePulsewire();
    const element = useRef<HTMLElement>(null);
    const latest = useRef<Record<string, unknown>>({});
    const given = props as Record<string, unknown>;

    useBrowserLayoutEffect(() => {
      latest.current = given;
      const values: Record<string, unknown> = { client };
      for (const name of own) values[name] = given[name];
      if (element.current) Object.assign(element.current, values);
    });
    useEffect(() => {
      const node = element.current;
      const stop = Object.entries(events).map(([prop, event]) => {
        const run = (e: Event): void => (latest.current[prop] as ((event: Event) => void) | undefined)?.(e);
        node?.addEventListener(event, run);
        return () => node?.removeEventListener(event, run);
      });
      void defineElements();
      return () => {
        for (const end of stop) end();
      };
    }, []);

    const rest: Record<string, unknown> = { ref: element };
    for (const [name, value] of Object.entries(given)) {
      // React 18 would write `className` as an attribute of that name on a custom element; both understand `class`.
      if (!own.includes(name) && !(name in events)) rest[name === 'className' ? 'class' : name] = value;
    }
    return createElement(tag, rest);
  }
  Wrapped.displayName = tag;
  return Wrapped;
}

export const PulsewireToasts = /* @__PURE__ */ wrap<{
  sound?: (toast: Toast) => void;
  onToastClick?: (event: CustomEvent<Toast>) => void;
}>('pulsewire-toasts', ['sound'], { onToastClick: 'pulsewire-toast-click' });

export const PulsewireAlerts = /* @__PURE__ */ wrap<{
  patientId?: string;
  limit?: number;
  noHeader?: boolean;
  onAlertClick?: (event: CustomEvent<Alert>) => void;
}>('pulsewire-alerts', ['patientId', 'limit', 'noHeader'], { onAlertClick: 'pulsewire-alert-click' });

export const PulsewireChart = /* @__PURE__ */ wrap<{
  device: string;
  metric: string;
  windowMs?: number;
  points?: number;
  min?: number;
  max?: number;
  label?: string;
  layout?: 'auto' | 'overlay' | 'strips';
}>('pulsewire-chart', ['device', 'metric', 'windowMs', 'points', 'min', 'max', 'label', 'layout']);

export const PulsewireDeviceBadge = /* @__PURE__ */ wrap<{
  deviceId: string;
  label?: string;
  noHold?: boolean;
  announce?: boolean;
}>('pulsewire-device-badge', ['deviceId', 'label', 'noHold', 'announce']);

export const PulsewireViewers = /* @__PURE__ */ wrap<{ channel: string; noHold?: boolean }>('pulsewire-viewers', ['channel', 'noHold']);

export const PulsewireConnection = /* @__PURE__ */ wrap<{ noLatency?: boolean }>('pulsewire-connection', ['noLatency']);

export const PulsewireBanner = /* @__PURE__ */ wrap<{ inline?: boolean }>('pulsewire-banner', ['inline']);
