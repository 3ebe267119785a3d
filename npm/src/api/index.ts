/**
 * `pulsewire/api`: the shapes of what the relay takes and gives, made from its own OpenAPI document. Types alone: nothing of it is in any bundle.
 *
 * `Schemas['StoredAlert']` names one; `paths` and `operations` fit clients that are typed by OpenAPI (openapi-fetch). `RelayCalls` types
 * `client.call`: `createPulsewire<Untyped, RelayCalls>()`.
 */
import type { components, operations } from './schema.js';

export type { components, operations, paths } from './schema.js';

/** Every body of the HTTP API and every answer, by its name in the document. */
export type Schemas = components['schemas'];

/** The query of a list, and what its path names. */
type Query<Operation extends keyof operations> = NonNullable<operations[Operation]['parameters']['query']>;
type Of<Name extends string, Body> = Record<Name, string> & Body;

/** The requests of PROTOCOL.md, section 11, as `client.call` asks them: parts of the path stand among the parameters. */
export interface RelayCalls {
  'alerts.list'(params?: Query<'listAlerts'>): Schemas['AlertList'];
  'alerts.read'(params: Schemas['AlertMarks']): Schemas['AlertUnread'];
  'alerts.acknowledge'(params: Of<'id', Schemas['AlertNote']>): Schemas['StoredAlert'];
  'alerts.resolve'(params: Of<'id', Schemas['AlertNote']>): Schemas['StoredAlert'];
  'devices.list'(params?: Query<'listDevices'>): Schemas['DeviceList'];
  'devices.get'(params: Of<'deviceId', object>): Schemas['Device'];
  'devices.put'(params: Of<'deviceId', Schemas['DeviceRegistration']>): Schemas['Device'];
  'patients.list'(params?: Query<'listPatients'>): Schemas['PatientList'];
  'patients.get'(params: Of<'patientId', object>): Schemas['Patient'];
  'patients.put'(params: Of<'patientId', Schemas['PatientState']>): Schemas['Patient'];
  'sessions.list'(params: Of<'patientId', Query<'listSessions'>>): Schemas['SessionList'];
  'stats.get'(): Schemas['DashboardStats'];
  'notifications.list'(params?: Query<'listNotifications'>): Schemas['NotificationList'];
  'notifications.read'(params: Schemas['NotificationMarks']): Schemas['NotificationUnread'];
  'notifications.dismiss'(params: Schemas['NotificationMarks']): Schemas['NotificationUnread'];
  'notifications.create'(params: Schemas['NewNotification']): Schemas['NotificationIds'];
  'executions.create'(params: Schemas['NewExecution']): Schemas['Execution'];
  'executions.update'(params: Of<'executionId', Schemas['ExecutionChange']>): Schemas['Execution'];
  'executions.log'(params: Of<'executionId', Schemas['NewExecutionLines']>): Schemas['ExecutionLinesKept'];
  'executions.get'(params: Of<'executionId', object>): Schemas['ExecutionDetail'];
  'executions.list'(params?: Query<'listExecutions'>): Schemas['ExecutionList'];
  'executions.lines'(params: Of<'executionId', Query<'getExecutionLog'>>): Schemas['ExecutionLines'];
  'executions.retry'(params: Of<'executionId', object>): Schemas['Execution'];
  'conversations.list'(params?: Query<'listConversations'>): Schemas['ConversationList'];
  'conversations.messages'(params: Of<'conversationId', Query<'listMessages'>>): Schemas['MessageList'];
  'conversations.send'(params: Of<'conversationId', Schemas['NewMessage']>): Schemas['SentMessage'];
  'conversations.status'(params: Of<'conversationId', Schemas['NewConversationStatus']>): Schemas['Conversation'];
}
