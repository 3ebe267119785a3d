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

/** The region of toasts at the top right; `sound` plays your own. */
export const PulsewireToasts = /* @__PURE__ */ wrap<{
  sound?: (toast: Toast) => void;
  silent?: boolean;
  onToastClick?: (event: CustomEvent<Toast>) => void;
}>('pulsewire-toasts');

/** Alerts, of one patient where one is named, to be read, acknowledged and resolved. */
export const PulsewireAlerts = /* @__PURE__ */ wrap<{
  patientId?: string;
  limit?: number;
  noHeader?: boolean;
  noActions?: boolean;
  noHold?: boolean;
  onAlertClick?: (event: CustomEvent<DeskAlert>) => void;
}>('pulsewire-alerts');

/** Telemetry of one metric, or of several with commas between. */
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

/** A device's status and battery; holds its channel unless `noHold`. */
export const PulsewireDeviceBadge = /* @__PURE__ */ wrap<{
  deviceId: string;
  label?: string;
  noHold?: boolean;
  announce?: boolean;
}>('pulsewire-device-badge');

/** Who else looks at a channel. */
export const PulsewireViewers = /* @__PURE__ */ wrap<{ channel: string; noHold?: boolean }>('pulsewire-viewers');

/** How the connection stands. */
export const PulsewireConnection = /* @__PURE__ */ wrap<{ noLatency?: boolean }>('pulsewire-connection');

/** Says that the connection is broken, and that it is back. */
export const PulsewireBanner = /* @__PURE__ */ wrap<{ inline?: boolean }>('pulsewire-banner');

/** The number of unread notifications, with the list behind it. */
export const PulsewireBell = /* @__PURE__ */ wrap<{
  open?: boolean;
  onNotificationClick?: (event: CustomEvent<Notification>) => void;
}>('pulsewire-bell');

/** This user's notifications. */
export const PulsewireNotifications = /* @__PURE__ */ wrap<{
  noHeader?: boolean;
  onNotificationClick?: (event: CustomEvent<Notification>) => void;
}>('pulsewire-notifications');

/** Messages of a conversation and the field to write in. */
export const PulsewireConversation = /* @__PURE__ */ wrap<{
  conversationId: string;
  sender?: ConversationMessage['sender'];
  senderName?: string;
  readOnly?: boolean;
  label?: string;
  onMessageSent?: (event: CustomEvent<string>) => void;
}>('pulsewire-conversation');

/** Progress and log of a long job, with a button to try again. */
export const PulsewireExecution = /* @__PURE__ */ wrap<{
  executionId: string;
  label?: string;
  onExecutionRetry?: (event: CustomEvent<string>) => void;
}>('pulsewire-execution');

/** Whether somebody is online. */
export const PulsewirePresence = /* @__PURE__ */ wrap<{ userId: string; name?: string; label?: boolean }>('pulsewire-presence');

/** This browser's settings of toasts: sound, volume, notifications while hidden. */
export const PulsewireToastSettings = /* @__PURE__ */ wrap<object>('pulsewire-toast-settings');

/** Who writes in a conversation now. */
export const PulsewireTyping = /* @__PURE__ */ wrap<{ conversationId: string; noHold?: boolean }>('pulsewire-typing');

/** How a patient uses a device: now, today, compliance. */
export const PulsewireUsage = /* @__PURE__ */ wrap<{ patientId: string; days?: number; noHold?: boolean }>('pulsewire-usage');
