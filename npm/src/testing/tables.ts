/** The tables of PROTOCOL.md, section 12, written down for the fake relay; a test compares them with the document. */
import type { Field, Tables } from './codec.js';

/** `key name type`, with a question mark where it may be left out. */
const STRUCTS = {
  connect: '1 id int, 2 token text?, 3 client ClientInfo, 4 subscribe list of SubscribeEntry?',
  subscribe: '1 id int, 2 channel text, 3 recover Position?, 4 history int?, 5 maxHz int?',
  unsubscribe: '1 id int, 2 channel text',
  publish: '1 id int, 2 channel text, 3 event event, 4 data data, 5 key text?',
  call: '1 id int, 2 method text, 3 params json?',
  refresh: '1 id int, 2 token text',
  pong: '1 ts time',
  ping: '1 id int',
  welcome:
    '1 id int, 2 connection text, 3 node text, 4 user text, 5 tenant text, 6 serverTime time, 7 heartbeatMs int, 8 timeoutMs int, 9 expiresAt time, 10 limits Limits, 11 subscribed list of Subscribed or Refused?',
  subscribed:
    '1 id int?, 2 channel text, 3 epoch text, 4 offset int, 5 recovered bool, 6 publications list of Publication?, 7 state list of Publication?, 8 viewers ViewerCount?',
  unsubscribed: '1 id int?, 2 channel text, 3 code ErrorCode?',
  event: '1 channel text, 2 event event, 3 ts time, 4 data data, 5 offset int?, 6 firstOffset int?, 7 from Author?',
  viewers: '1 channel text, 2 count int, 3 names list of text?',
  heartbeat: '1 ts time',
  reauth: '1 expiresAt time',
  reply: '1 id int, 2 offset int, 3 serverTime time, 4 expiresAt time, 5 result json',
  error: '1 code ErrorCode, 2 message text, 3 retryable bool, 4 retryAfterMs int?, 5 id int?, 6 channel text?',
  ClientInfo: '1 name text, 2 version text, 3 session text',
  SubscribeEntry: '1 channel text, 2 recover Position?, 3 history int?, 4 maxHz int?',
  Position: '1 epoch text, 2 offset int',
  Limits: '1 maxMessageBytes int, 2 maxSubscriptions int, 3 messagesPerSecond int, 4 recoveryBytes int',
  ViewerCount: '1 count int, 2 names list of text?',
  Author: '1 user text, 2 name text',
  Publication: '2 event event, 3 ts time, 4 data data, 5 offset int?, 6 firstOffset int?, 7 from Author?',
  Subscribed:
    '1 id int?, 2 channel text, 3 epoch text, 4 offset int, 5 recovered bool, 6 publications list of Publication?, 7 state list of Publication?, 8 viewers ViewerCount?',
  Refused: '1 channel text, 9 error ErrorBody',
  ErrorBody: '1 code ErrorCode, 2 message text, 3 retryable bool, 4 retryAfterMs int?',
  DeviceStatus: '1 deviceId text, 2 status DeviceState, 3 battery number?, 4 lastSeen time?',
  Telemetry: '1 deviceId text, 2 series map of metric',
  Series: '1 t column, 2 v column, 3 unit text?',
  Alert:
    '1 id text?, 2 patientId text, 3 patientName text, 4 deviceId text?, 5 type text, 6 severity Severity, 7 message text, 8 ts time?, 9 metadata json?',
  Ids: '1 ids list of text?',
  UsageSession:
    '1 patientId text, 2 deviceId text, 3 phase SessionPhase, 4 startedAt time, 5 endedAt time?, 6 durationMs int?, 7 compliance number?',
  DashboardStats: '1 devices int, 2 online int, 3 activeAlerts int, 4 activeSessions int, 5 averageCompliance number, 6 viewers int',
  PatientChange: '1 patientId text, 2 data json',
  Message: '1 id text?, 2 clientId text?, 3 content text, 4 sender Sender, 5 senderName text, 6 ts time?, 7 isAudio bool?, 8 url text?',
  ConversationMessage: '1 conversationId text, 2 patientId text?, 3 message Message',
  MessageStatus: '1 messageId text, 2 status DeliveryStatus, 3 user text',
  ConversationUpdated: '1 conversationId text, 2 updates json',
  Typing: '1 conversationId text',
  PresentUser: '1 userId text, 2 name text',
  Presence: '1 online list of PresentUser?, 2 offline list of text?',
  Notification: '1 id text?, 2 title text, 3 body text, 4 severity Severity, 5 link text?, 6 ts time?',
  ExecutionError: '1 code text, 2 message text, 3 detail text?',
  ExecutionUpdate: '1 executionId text, 2 status ExecutionState, 3 step text?, 4 progress number, 5 error ExecutionError?, 6 attempt int',
  ExecutionRetry: '1 executionId text',
  PollRequest: '1 channels list of SubscribeEntry?, 2 waitMs int?',
  PollResponse: '1 channels list of Subscribed or Refused?, 2 serverTime time',
  PublishItem: '2 channel text, 3 event event, 4 data data, 5 key text?',
  PublishOutcome: '1 accepted Position?, 2 error ErrorBody?',
};
const CLIENT = '1 connect, 2 subscribe, 3 unsubscribe, 4 publish, 5 call, 6 refresh, 7 pong, 8 ping';
const SERVER = '1 welcome, 2 subscribed, 3 unsubscribed, 4 event, 5 viewers, 6 heartbeat, 7 reauth, 8 reply, 9 error';
/** `number name data`. */
const EVENTS =
  '1 device_status DeviceStatus, 2 telemetry Telemetry, 3 alert Alert, 4 alert_read Ids, 5 usage_session UsageSession, 6 dashboard_stats DashboardStats, 7 patient_status_change PatientChange, 8 priority_update PatientChange, 9 new_patient PatientChange, 10 message_new ConversationMessage, 11 message_updated ConversationMessage, 12 message_status MessageStatus, 13 conversation_updated ConversationUpdated, 14 typing_start Typing, 15 typing_stop Typing, 16 presence Presence, 17 notification Notification, 18 notification_read Ids, 19 notification_dismissed Ids, 20 execution_update ExecutionUpdate, 21 execution_retry ExecutionRetry';
const ENUMS = {
  DeviceState: '1 online, 2 offline, 3 maintenance',
  Severity: '1 critical, 2 high, 3 medium, 4 low',
  SessionPhase: '1 start, 2 end',
  Sender: '1 patient, 2 agent, 3 nurse, 4 user',
  DeliveryStatus: '1 sent, 2 delivered, 3 read',
  ExecutionState: '1 queued, 2 running, 3 succeeded, 4 failed, 5 retrying',
  ErrorCode:
    '1 bad_request, 2 unauthorized, 3 token_expired, 4 forbidden, 5 invalid_channel, 6 not_subscribed, 7 too_many_subscriptions, 8 too_large, 9 rate_limited, 10 not_found, 11 unavailable, 12 internal',
};

const parts = (text: string): string[][] => text.split(', ').map(part => part.split(' '));
const mapped = <T>(texts: Readonly<Record<string, string>>, read: (part: string[]) => T): Record<string, T[]> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, parts(text).map(read)]));
const numbers = (text: string): Record<string, number> => Object.fromEntries(parts(text).map(([key, name]) => [name, Number(key)]));

export const TABLES: Tables = {
  structs: mapped(STRUCTS, ([key, name = '', ...type]): Field => {
    const told = type.join(' ');
    return { key: Number(key), name, type: told.replace(/\?$/, ''), optional: told.endsWith('?') };
  }),
  types: { client: numbers(CLIENT), server: numbers(SERVER) },
  events: parts(EVENTS).map(([key, name = '', data = '']) => ({ number: Number(key), name, data })),
  enums: mapped(ENUMS, ([key, name = '']) => ({ key: Number(key), name })),
};
