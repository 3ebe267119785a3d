/**
 * Types that an application gives its own channels, events and requests: `createPulsewire<Schema, Calls>()`. Nothing here is code.
 *
 * A schema maps patterns (`device:*`, `dashboard`) to events, and each event to the type of its data. Built-in events are known without
 * one. A name that is only a `string` to TypeScript is taken as it is, with unknown data; a literal that fits no pattern is refused.
 *
 * Limit: these are the writer's promises. Data come from the wire, and nothing here checks them while the page runs.
 */

import type { ChannelEvent, ConversationMessage, DashboardStats, DeviceStatus, Execution, PresentUser, Severity } from './types.js';

/** What stands for "no schema". With `any` a typed client may be given to whatever takes an untyped one, and the other way round. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` relates to every schema in both directions
export type Untyped = any;

type IsAny<T> = 0 extends 1 & T ? true : false;

interface Ids {
  ids: readonly string[];
}
interface PatientChange {
  patientId: string;
  [member: string]: unknown;
}
interface MessageEvent {
  conversationId: string;
  patientId?: string;
  message: Omit<ConversationMessage, 'status'>;
}
interface ExecutionUpdate extends Omit<Execution, 'ts'> {}

/** The data of the built-in events (PROTOCOL.md, section 10), by name. A relay passes events of any other name on as well. */
export interface BuiltInEvents {
  device_status: DeviceStatus;
  telemetry: {
    deviceId: string;
    series: Readonly<Record<string, { t: readonly number[] | Float64Array; v: readonly number[] | Float64Array; unit?: string }>>;
  };
  alert: {
    id?: string;
    patientId: string;
    patientName: string;
    deviceId?: string;
    type: string;
    severity: Severity;
    message: string;
    ts?: number;
    metadata?: unknown;
  };
  alert_read: Ids;
  usage_session: {
    patientId: string;
    deviceId: string;
    phase: 'start' | 'end';
    startedAt: number;
    endedAt?: number;
    durationMs?: number;
    compliance?: number;
  };
  dashboard_stats: DashboardStats;
  patient_status_change: PatientChange;
  priority_update: PatientChange;
  new_patient: PatientChange;
  message_new: MessageEvent;
  message_updated: MessageEvent;
  message_status: { messageId: string; status: 'sent' | 'delivered' | 'read'; user: string };
  conversation_updated: { conversationId: string; updates: Readonly<Record<string, unknown>> };
  typing_start: { conversationId: string };
  typing_stop: { conversationId: string };
  presence: { online?: readonly PresentUser[]; offline?: readonly string[] };
  notification: { id?: string; title: string; body: string; severity: Severity; link?: string; ts?: number };
  notification_read: Ids;
  notification_dismissed: Ids;
  execution_update: ExecutionUpdate;
  execution_retry: { executionId: string };
}

/** Which built-in events a built-in channel carries. */
interface BuiltInChannels {
  'device:*': Pick<BuiltInEvents, 'device_status' | 'telemetry'>;
  'patient:*': Pick<BuiltInEvents, 'alert' | 'usage_session' | 'patient_status_change' | 'priority_update' | 'new_patient'>;
  'conversation:*': Pick<
    BuiltInEvents,
    'message_new' | 'message_updated' | 'message_status' | 'conversation_updated' | 'typing_start' | 'typing_stop'
  >;
  'execution:*': Pick<BuiltInEvents, 'execution_update' | 'execution_retry'>;
  'user:*': Pick<BuiltInEvents, 'alert_read' | 'notification' | 'notification_read' | 'notification_dismissed'>;
  tenant: Pick<BuiltInEvents, 'alert' | 'patient_status_change' | 'priority_update' | 'new_patient' | 'conversation_updated' | 'presence'>;
  dashboard: Pick<BuiltInEvents, 'dashboard_stats'>;
  admin: unknown;
}

/** The pattern that a channel's name fits, which is the name itself where it stands in `Patterns`. */
type PatternOf<Patterns, Name extends string> = Name extends keyof Patterns
  ? Name
  : Name extends `${infer Kind}:${string}`
    ? `${Kind}:*` extends keyof Patterns
      ? `${Kind}:*`
      : never
    : never;
type EventsAt<Patterns, Name extends string> = [PatternOf<Patterns, Name>] extends [never]
  ? unknown
  : Patterns[PatternOf<Patterns, Name> & keyof Patterns];

/** A channel's name, or the words of what is wrong with it. */
export type NameIn<Schema, Name extends string> =
  IsAny<Schema> extends true
    ? Name
    : string extends Name
      ? Name
      : [PatternOf<Schema & BuiltInChannels, Name>] extends [never]
        ? `${Name} fits no pattern of the schema`
        : Name;
/** The events of a channel: those of the schema, which may say more about a built-in one, and the built-in ones. */
export type EventsOf<Schema, Name extends string> =
  IsAny<Schema> extends true
    ? Untyped
    : string extends Name
      ? Untyped
      : EventsAt<Schema, Name> & Omit<EventsAt<BuiltInChannels, Name>, keyof EventsAt<Schema, Name>>;

/** The names of a channel's events. */
export type EventIn<Events> = IsAny<Events> extends true ? string : keyof Events & string;
/** The data of an event. */
export type DataOf<Events, Event extends string> =
  IsAny<Events> extends true
    ? Event extends keyof BuiltInEvents
      ? BuiltInEvents[Event]
      : unknown
    : Event extends keyof Events
      ? Events[Event]
      : never;
/**
 * What a listener gets; for `*` one of all, told apart by `event`. Others may come at run time, from whoever publishes what the schema
 * does not know: leave a way out at the end of a `switch`.
 */
export type EventGiven<Events, Event extends string> = Event extends '*'
  ? IsAny<Events> extends true
    ? ChannelEvent
    : { [One in EventIn<Events>]: ChannelEvent<DataOf<Events, One>, One> }[EventIn<Events>]
  : ChannelEvent<DataOf<Events, Event>, Event>;

/**
 * Requests of PROTOCOL.md, section 11: each a function from what is asked to what is answered. All have their types in `RelayCalls` of
 * `pulsewire/api`; without `Calls` any may be named (`call<Answer>('patients.get', { patientId })`), with it those that it has, and these.
 */
export interface BuiltInCalls {
  'presence.get': (params: { channel: string }) => { channel: string; users: readonly PresentUser[] };
  'history.get': (params: { channel: string; after?: number; limit?: number }) => {
    channel: string;
    epoch: string;
    offset: number;
    recovered: boolean;
    publications: readonly Omit<ChannelEvent, 'channel' | 'replayed'>[];
  };
  'devices.list': () => { items: readonly (Partial<DeviceStatus> & { deviceId: string; metrics?: readonly string[] })[] };
  'stats.get': () => DashboardStats;
}
type AllCalls<Calls> = IsAny<Calls> extends true ? BuiltInCalls : Calls & Omit<BuiltInCalls, keyof Calls>;
export type MethodIn<Calls> = keyof AllCalls<Calls> & string;
type CallOf<Calls, Method> = Method extends keyof AllCalls<Calls> ? AllCalls<Calls>[Method] : never;
/** The arguments of `call` behind the method: none, one that may be left out, or one. */
export type ParamsOf<Calls, Method> =
  CallOf<Calls, Method> extends (...params: infer Params) => unknown ? (Params extends [] ? [params?: undefined] : Params) : never;
export type ResultOf<Calls, Method> = CallOf<Calls, Method> extends (...params: never) => infer Result ? Result : never;
/** Where there is no type of the requests, every method may be named. */
export type OtherMethod<Calls> = IsAny<Calls> extends true ? string : never;
export type OtherEvent<Events> = IsAny<Events> extends true ? string : never;
