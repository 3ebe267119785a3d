/**
 * `pulsewire/react/elements`: the custom elements as React components: React 18 passes neither properties nor events to them, and both versions want types.
 *
 * Each wrapper gives its element the client of the nearest provider, and asks for the elements' definitions once it is mounted.
 */
import { createElement, type HTMLAttributes, type ReactNode, useEffect, useRef } from 'react';
import type { PulsewireElements, Texts } from '../elements/index.js';
import { defineElements } from '../elements/register.js';
import type { Alert, Toast } from '../types.js';
import { usePulsewire } from './context.js';

interface Common extends HTMLAttributes<HTMLElement> {
  texts?: Partial<Texts>;
  children?: ReactNode;
}

const EVENTS: Readonly<Record<string, string>> = {
  onToastClick: 'pulsewire-toast-click',
  onAlertClick: 'pulsewire-alert-click',
  onChartError: 'pulsewire-chart-error',
};
/** What stays React's business; every other prop is a property of the element. */
const REACTS = /^(children|className|id|style|role|aria-.+|data-.+|on[A-Z].+)$/;

type Props = Record<string, unknown>;

function wrap<Own extends object>(tag: keyof PulsewireElements) {
  function Wrapped(given: Own & Common) {
    const element = useRef<HTMLElement | null>(null);
    const latest = useRef<Props>({});
    const attributes: Props = {};
    const properties: Props = { client: usePulsewire() };
    for (const [name, value] of Object.entries(given)) {
      if (!REACTS.test(name)) properties[name] = value;
      // React 18 would write `className` as an attribute of that name on a custom element; both understand `class`.
      else if (!(name in EVENTS)) attributes[name === 'className' ? 'class' : name] = value;
    }
    // A new function each time, so that React calls it at each commit: before the picture, unlike an effect, and never on a server.
    attributes.ref = (node: HTMLElement | null) => {
      element.current = node;
      if (!node) return;
      for (const name in latest.current) if (!REACTS.test(name)) properties[name] ??= undefined;
      Object.assign(node, properties);
      latest.current = given as Props;
    };
    useEffect(() => {
      const node = element.current!;
      const stop = Object.entries(EVENTS).map(([prop, event]) => {
        const run = (e: Event): void => (latest.current[prop] as ((event: Event) => void) | undefined)?.(e);
        node.addEventListener(event, run);
        return () => node.removeEventListener(event, run);
      });
      void defineElements();
      return () => {
        for (const end of stop) end();
      };
    }, []);
    return createElement(tag, attributes);
  }
  Wrapped.displayName = tag;
  return Wrapped;
}

export const PulsewireToasts = /* @__PURE__ */ wrap<{
  sound?: (toast: Toast) => void;
  onToastClick?: (event: CustomEvent<Toast>) => void;
}>('pulsewire-toasts');

export const PulsewireAlerts = /* @__PURE__ */ wrap<{
  patientId?: string;
  limit?: number;
  noHeader?: boolean;
  onAlertClick?: (event: CustomEvent<Alert>) => void;
}>('pulsewire-alerts');

export const PulsewireChart = /* @__PURE__ */ wrap<{
  device: string;
  metric: string;
  windowMs?: number;
  points?: number;
  history?: number;
  digits?: number;
  names?: Readonly<Record<string, string>>;
  min?: number;
  max?: number;
  label?: string;
  layout?: 'auto' | 'overlay' | 'strips';
  onChartError?: (event: CustomEvent<unknown>) => void;
}>('pulsewire-chart');

export const PulsewireDeviceBadge = /* @__PURE__ */ wrap<{
  deviceId: string;
  label?: string;
  noHold?: boolean;
  announce?: boolean;
}>('pulsewire-device-badge');

export const PulsewireViewers = /* @__PURE__ */ wrap<{ channel: string; noHold?: boolean }>('pulsewire-viewers');

export const PulsewireConnection = /* @__PURE__ */ wrap<{ noLatency?: boolean }>('pulsewire-connection');

export const PulsewireBanner = /* @__PURE__ */ wrap<{ inline?: boolean }>('pulsewire-banner');
