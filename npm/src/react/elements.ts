/**
 * `pulsewire/react/elements`: the custom elements as React components: React 18 passes neither properties nor events to them, and both versions want types.
 *
 * Each wrapper gives its element the client of the nearest provider, and asks for the elements' definitions once it is mounted.
 */
import { createElement, type HTMLAttributes, type ReactNode, useEffect, useRef } from 'react';
import type { PulsewireElements, Texts } from '../elements/index.js';
import { defineElements } from '../elements/register.js';
import type { DeskAlert } from '../models/alert-desk.js';
import type { ConversationMessage, Notification, Toast } from '../types.js';
import { usePulsewire } from './context.js';

interface Common extends HTMLAttributes<HTMLElement> {
  texts?: Partial<Texts>;
  children?: ReactNode;
}

const EVENTS: Readonly<Record<string, string>> = {
  onToastClick: 'pulsewire-toast-click',
  onAlertClick: 'pulsewire-alert-click',
  onChartError: 'pulsewire-chart-error',
  onExecutionRetry: 'pulsewire-execution-retry',
  onMessageSent: 'pulsewire-message-sent',
  onNotificationClick: 'pulsewire-notification-click',
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
      void defineElements([tag]);
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
  silent?: boolean;
  onToastClick?: (event: CustomEvent<Toast>) => void;
}>('pulsewire-toasts');

export const PulsewireAlerts = /* @__PURE__ */ wrap<{
  patientId?: string;
  limit?: number;
  noHeader?: boolean;
  noActions?: boolean;
  onAlertClick?: (event: CustomEvent<DeskAlert>) => void;
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

export const PulsewireBell = /* @__PURE__ */ wrap<{
  open?: boolean;
  onNotificationClick?: (event: CustomEvent<Notification>) => void;
}>('pulsewire-bell');

export const PulsewireNotifications = /* @__PURE__ */ wrap<{
  noHeader?: boolean;
  onNotificationClick?: (event: CustomEvent<Notification>) => void;
}>('pulsewire-notifications');

export const PulsewireConversation = /* @__PURE__ */ wrap<{
  conversationId: string;
  sender?: ConversationMessage['sender'];
  senderName?: string;
  readOnly?: boolean;
  label?: string;
  onMessageSent?: (event: CustomEvent<string>) => void;
}>('pulsewire-conversation');

export const PulsewireExecution = /* @__PURE__ */ wrap<{
  executionId: string;
  label?: string;
  onExecutionRetry?: (event: CustomEvent<string>) => void;
}>('pulsewire-execution');

export const PulsewirePresence = /* @__PURE__ */ wrap<{ userId: string; name?: string; label?: boolean }>('pulsewire-presence');

export const PulsewireToastSettings = /* @__PURE__ */ wrap<object>('pulsewire-toast-settings');

export const PulsewireTyping = /* @__PURE__ */ wrap<{ conversationId: string; noHold?: boolean }>('pulsewire-typing');

export const PulsewireUsage = /* @__PURE__ */ wrap<{ patientId: string; days?: number; noHold?: boolean }>('pulsewire-usage');
