// Written by `npm run api` from docs/openapi.json. Do not edit: a change of the relay changes its document, and that this file.
// Longer than 400 lines because it is the whole document, in one piece as it is written.
export interface paths {
    "/api/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List alerts
         * Those that the token may read, newest first, and how many of them the caller has not read and nobody has resolved.
         */
        get: operations["listAlerts"];
        put?: never;
        /**
         * Publish alerts
         * Goes to `patient:{patientId}` and to `tenant`, under one id. Never throttled, never merged. Needs the role `service` or `admin`.
         */
        post: operations["publishAlerts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mark alerts read
         * By the caller, on all devices. Ids that are unknown or marked already are passed over.
         */
        post: operations["readAlerts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Acknowledge an alert
         * The first one who does stays; a repetition changes nothing. One that was resolved without it cannot be acknowledged any more
         *     (422). Told as `alert_updated`.
         */
        post: operations["acknowledgeAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resolve an alert
         * The first one who does stays; a repetition changes nothing. Told as `alert_updated`.
         */
        post: operations["resolveAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List conversations
         * Newest activity first; those whose channel the caller may subscribe to, each with what the caller has not read.
         */
        get: operations["listConversations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{conversationId}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the messages of a conversation
         * Newest first, each with how far it came. One that nobody has written in yet has none.
         */
        get: operations["listMessages"];
        put?: never;
        /**
         * Send a message
         * Told as `message_new` on `conversation:{id}`; the first message makes the conversation. With a `clientId` (or the header
         *     `Idempotency-Key`) it is one message however often it is sent.
         */
        post: operations["sendMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{conversationId}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Assume, resolve or open a conversation
         * Whoever assumes or resolves it stands as its assignee; opening it takes that away. One that somebody else has assumed is taken only
         *     with `takeOver`. Told as `conversation_updated` on `conversation:{id}` and `tenant`.
         */
        post: operations["setConversationStatus"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List devices
         * Those that were registered or heard of and that the token may read, in the order of their ids.
         */
        get: operations["listDevices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish alerts
         * The same as `/api/v1/alerts`.
         */
        post: operations["publishAlertsOfDevices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish the status of devices
         * Goes to `device:{deviceId}` and is retained there. Needs the role `service` or `admin`.
         */
        post: operations["publishDeviceStatus"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/telemetry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish telemetry
         * The same as `/api/v1/telemetry`.
         */
        post: operations["publishTelemetryOfDevices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/devices/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one device */
        get: operations["getDevice"];
        /**
         * Register a device
         * Its name, whose it is, and for how long it is to be used each day: the whole, so what is left out is taken away. What it does and
         *     when it was heard stay. Needs the role `service` or `admin` and a publish pattern for `device:{id}`.
         */
        put: operations["putDevice"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List executions
         * Newest first; those whose channel the caller may subscribe to.
         */
        get: operations["listExecutions"];
        put?: never;
        /**
         * Make an execution
         * It waits as `queued` until a worker reports on it. Told as `execution_update` on `execution:{id}` and as `execution_new` on `tenant`.
         *     Needs the role `service` or `admin`, and a publish pattern for its channel.
         */
        post: operations["createExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{executionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read an execution
         * With its steps and the newest 100 lines of its log.
         */
        get: operations["getExecution"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{executionId}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the log of an execution
         * Newest first; the newest 1,000 lines are kept.
         */
        get: operations["getExecutionLog"];
        put?: never;
        /**
         * Write into the log of an execution
         * Told as `execution_log` on its channel. Needs the role `service` or `admin`, and a publish pattern for its channel.
         */
        post: operations["writeExecutionLog"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{executionId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a failed execution again
         * It becomes `retrying` under the next attempt's number, and its worker hears `execution_retry`. Asked twice is asked once.
         */
        post: operations["retryExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions/{executionId}/updates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report on an execution
         * What is absent stays as it is. An attempt that has ended changes no more: what goes on is reported under the next number. Told as
         *     `execution_update`. Needs the role `service` or `admin`, and a publish pattern for its channel.
         */
        post: operations["updateExecution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/{channel}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the history of a channel
         * The newest publications, or with `after` those behind that offset, oldest first.
         */
        get: operations["getHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List one's own notifications
         * Newest first, without those that were dismissed, and how many are unread. What happens to them is told on `user:{id}`.
         */
        get: operations["listNotifications"];
        put?: never;
        /**
         * Notify users
         * Users by their ids, everyone of a role, or everyone of the tenant: who was here with a valid token within 180 days counts, with
         *     the role of the newest one. Needs the role `service` or `admin`, and a publish pattern for `user:{id}` of each.
         */
        post: operations["createNotifications"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/dismiss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Dismiss one's own notifications
         * They are listed no more, on no device of the user. Ids that are unknown or dismissed already are passed over.
         */
        post: operations["dismissNotifications"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mark one's own notifications read
         * On all devices of the user. Ids that are unknown or marked already are passed over.
         */
        post: operations["readNotifications"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/patients": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List patients
         * Those that the token may read, the newest first.
         */
        get: operations["listPatients"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/patients/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one patient */
        get: operations["getPatient"];
        /**
         * Say how a patient is
         * Name, status and priority: the whole, so what is left out is taken away. What changes is told as `new_patient`,
         *     `patient_status_change` (also for a new name) and `priority_update`. Needs the role `service` or `admin` and a publish pattern for
         *     `patient:{id}`.
         */
        put: operations["putPatient"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/patients/{id}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a patient's usage sessions
         * Those that reach into the time, the newest first, and the compliance of the days (UTC) that it touches, up to today: the use of each
         *     beside the device's target, at most 1, and the mean of them.
         */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/poll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Poll: the fallback transport
         * Answers at once where there is something to tell, else as soon as there is, at the latest after `waitMs` (at most 25,000).
         *     Stateless: a poll carries its own positions. Entries that are left out of the answer are to be asked for again.
         */
        post: operations["poll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/presence/{channel}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See who is there
         * On `tenant` everyone online, on other channels those who view it.
         */
        get: operations["getPresence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/publish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish any event
         * A client may publish what a client may say over the WebSocket; the other built-in events need the role `service` or `admin`.
         */
        post: operations["publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the figures of the tenant
         * Those of `dashboard_stats`; needs the right to `dashboard`. A relay that was built without its domain has none.
         */
        get: operations["getStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/telemetry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish telemetry
         * Goes to `device:{deviceId}`; `t` and `v` of a series are equally long. Needs the role `service` or `admin`.
         */
        post: operations["publishTelemetry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This document as a page
         * Plain HTML without scripts; it loads nothing from anywhere.
         */
        get: operations["getDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Is the process alive
         * Says nothing about whether it can serve: that is `/readyz`.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics for Prometheus
         * In the OpenMetrics text format, or in Prometheus' older one for who accepts `text/plain` alone. Where `metrics.listen` is set, they stand there instead of here.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This document
         * OpenAPI 3.1, of just the routes that this relay serves. A page to read it is at `/docs`.
         */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Can the relay serve
         * A balancer sends nobody here where it answers 503. An overloaded relay is ready: it refuses new WebSockets itself (`breaker`).
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open the connection
         * A WebSocket (RFC 6455) with the subprotocol `pulsewire.v1.json` or `pulsewire.v1.cbor`; its messages stand in docs/asyncapi.json.
         *     The token stands in `Authorization`, in `token`, or in the first message.
         */
        get: operations["connect"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * alert on patient:{id} and tenant: published under one id to both; clients count it once.
         * @example {
         *       "deviceId": "bed-1",
         *       "message": "Heart rate 162 bpm for 30 s",
         *       "patientId": "p-9",
         *       "patientName": "Maria Oliveira",
         *       "severity": "critical",
         *       "type": "heart_rate_high"
         *     }
         */
        Alert: {
            /** The device it came from. */
            deviceId?: components["schemas"]["Id"] | null;
            /** The alert's id (relay). */
            id?: components["schemas"]["Id"] | null;
            /** A sentence for people. */
            message: string;
            /** Anything else, as JSON. */
            metadata?: unknown;
            /** The patient. */
            patientId: components["schemas"]["Id"];
            /** The patient's name. */
            patientName: string;
            /** How grave. */
            severity: components["schemas"]["Severity"];
            /** When it arose (relay). */
            ts?: components["schemas"]["Time"] | null;
            /** What kind of alert, in the caller's own words (heart_rate_high). */
            type: string;
        };
        /** One page of the alerts that the token may read. */
        AlertList: {
            /** Newest first. */
            items: components["schemas"]["StoredAlert"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
            /** How many the caller has not read and nobody has resolved, of all pages and whatever is asked for; counted up to 10,000. */
            unread: number;
        };
        /**
         * Which alerts: `ids`, or `all: true`; one of both.
         * @example {
         *       "all": true
         *     }
         * @example {
         *       "ids": [
         *         "al-1"
         *       ]
         *     }
         */
        AlertMarks: components["schemas"]["MarkThese"] | components["schemas"]["MarkAll"];
        /**
         * What was done; may be empty.
         * @example {
         *       "note": "On my way."
         *     }
         * @example {}
         */
        AlertNote: {
            /** A note for the others. */
            note?: components["schemas"]["Text"] | null;
        };
        /** What is left unread. */
        AlertUnread: {
            /** How many; counted up to 10,000. */
            unread: number;
        };
        /** Data of alert: one, or a list. */
        Alerts: components["schemas"]["Alert"] | components["schemas"]["Alert"][];
        /** Who published. */
        Author: {
            /** The name to show. */
            name: string;
            /** The user. */
            user: string;
        };
        /**
         * kind or kind:id. The kinds device, patient, conversation, execution and user need an id; tenant, dashboard and admin have none. The tenant is never part of the name: the relay takes it from the token.
         * @example device:bed-1
         * @example tenant
         */
        ChannelName: string;
        /** Numbers of one column, in the order of time. In CBOR a typed array (RFC 8746). */
        Column: number[];
        /** A conversation, with what backends tell of it beside these members. */
        Conversation: {
            /** Who has assumed or resolved it. */
            assignee?: string;
            /** Their name. */
            assigneeName?: string;
            /** Its id. */
            conversationId: string;
            /** When it was first heard of, in Unix milliseconds. */
            createdAt: number;
            /** The newest message. */
            lastMessage?: components["schemas"]["SentMessage"];
            /** When something last happened in it, in Unix milliseconds. */
            lastMessageTs: number;
            /** The patient it is about. */
            patientId?: string;
            /** Whether somebody has it. */
            status: components["schemas"]["ConversationStatus"];
            /** Messages of others that the caller has not read; 999 stands for that many or more. */
            unread: number;
        } & {
            [key: string]: unknown;
        };
        /** One page of conversations. */
        ConversationList: {
            /** Newest activity first. */
            items: components["schemas"]["Conversation"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /** message_new, message_updated on conversation:{id}. */
        ConversationMessage: {
            /** The conversation. */
            conversationId: components["schemas"]["Id"];
            /** The message. */
            message: components["schemas"]["Message"];
            /** The patient it is about. */
            patientId?: components["schemas"]["Id"] | null;
        };
        /**
         * Whether somebody has a conversation.
         * @enum {string}
         */
        ConversationStatus: "open" | "assumed" | "resolved";
        /** conversation_updated on conversation:{id} and tenant. */
        ConversationUpdated: {
            /** The conversation. */
            conversationId: components["schemas"]["Id"];
            /** What changed, as JSON: {status: open|assumed|resolved, assignee?, lastMessageTs?, unread?, …}. */
            updates: Record<string, never>;
        };
        /**
         * dashboard_stats on dashboard; retained.
         * @example {
         *       "activeAlerts": 2,
         *       "activeSessions": 7,
         *       "averageCompliance": 0.83,
         *       "devices": 12,
         *       "online": 10,
         *       "viewers": 5
         *     }
         */
        DashboardStats: {
            /** Alerts neither resolved nor expired. */
            activeAlerts: number;
            /** Usage sessions under way. */
            activeSessions: number;
            /** Mean compliance, 0 to 1. */
            averageCompliance: number;
            /** Devices known. */
            devices: number;
            /** Of these, online. */
            online: number;
            /** Distinct users who look at something. */
            viewers: number;
        };
        /**
         * How far a message has come. sent: accepted by the relay; delivered: arrived at a recipient; read: read by a recipient.
         * @enum {string}
         */
        DeliveryStatus: "sent" | "delivered" | "read";
        /** What feeds the demo. */
        DevelopmentInfo: {
            /** Simulated devices. */
            devices: number;
            /** The recording's file name. */
            file?: string;
            /**
             * replay, simulate, or null where nothing does.
             * @enum {string|null}
             */
            source: "replay" | "simulate" | null;
            /** The tenant that is fed. */
            tenant: string;
        };
        /** A restart that has begun. */
        DevelopmentRestart: {
            /** How long nobody listens in between, in milliseconds. */
            awayMs: number;
        };
        /** A token and its end. */
        DevelopmentToken: {
            /** When it ends. */
            expiresAt: components["schemas"]["Time"];
            /** The JWT. */
            token: string;
        };
        /**
         * What is known of a device.
         * @example {
         *       "battery": 0.87,
         *       "deviceId": "bed-1",
         *       "lastSeen": 1732180000000,
         *       "metrics": [
         *         "ecg",
         *         "heart_rate"
         *       ],
         *       "status": "online"
         *     }
         */
        Device: {
            /** Charge, 0 to 1. */
            battery?: number;
            /** The device. */
            deviceId: components["schemas"]["Id"];
            /** When it was last heard of. */
            lastSeen?: components["schemas"]["Time"];
            /** The metrics it has sent, in order of their names. */
            metrics: string[];
            /** A name for people, as registered. */
            name?: string;
            /** Whose device it is, as registered. */
            patientId?: components["schemas"]["Id"];
            /** What it is doing; absent where only telemetry came yet, or nothing. */
            status?: components["schemas"]["DeviceState"];
            /** For how long it is to be used each day, in milliseconds, as registered. */
            targetUseMsPerDay?: number;
        };
        /** One page of the devices that the token may read. */
        DeviceList: {
            /** In the order of their ids. */
            items: components["schemas"]["Device"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /**
         * What a backend says of a device.
         * @example {
         *       "name": "CPAP 3",
         *       "patientId": "p-9",
         *       "targetUseMsPerDay": 14400000
         *     }
         */
        DeviceRegistration: {
            /** A name for people. */
            name?: components["schemas"]["Line"] | null;
            /** Whose device it is. */
            patientId?: components["schemas"]["Id"] | null;
            /** For how long it is to be used each day, in milliseconds. */
            targetUseMsPerDay?: number | null;
        };
        /**
         * What a device is doing. online: reachable; offline: not reachable; maintenance: taken out of service on purpose.
         * @enum {string}
         */
        DeviceState: "online" | "offline" | "maintenance";
        /**
         * device_status on device:{id}; retained.
         * @example {
         *       "battery": 0.87,
         *       "deviceId": "bed-1",
         *       "status": "online"
         *     }
         */
        DeviceStatus: {
            /** Charge, 0 to 1. */
            battery?: number | null;
            /** The device. */
            deviceId: components["schemas"]["Id"];
            /** When it was last heard of (relay). */
            lastSeen?: components["schemas"]["Time"] | null;
            /** What it is doing. */
            status: components["schemas"]["DeviceState"];
        };
        /** Data of device_status: one, or a list. */
        DeviceStatuses: components["schemas"]["DeviceStatus"] | components["schemas"]["DeviceStatus"][];
        /**
         * What is wrong and whether trying again can help.
         * @example {
         *       "code": "rate_limited",
         *       "message": "more than 50 messages a second",
         *       "retryAfterMs": 200,
         *       "retryable": true
         *     }
         */
        ErrorBody: {
            /** The machine-readable code. */
            code: components["schemas"]["ErrorCode"];
            /** A sentence for people: what, where, how to mend it. */
            message: string;
            /** How long to wait before the next try, in milliseconds. */
            retryAfterMs?: number | null;
            /** Whether the same request may succeed later. */
            retryable: boolean;
        };
        /**
         * The code of an error message, of a refused entry and of a problem document. bad_request: the command makes no sense; the message says which field and why; unauthorized: no valid token; token_expired: the token has ended; forbidden: the token's rights, or the role's, do not allow it; invalid_channel: not a channel name, or a kind that cannot be used so; not_subscribed: the connection holds no subscription to that channel; too_many_subscriptions: `limits.maxSubscriptions` is reached; too_large: the message or body is larger than the limit; rate_limited: too many messages; `retryAfterMs` says how long to wait; not_found: no such thing; unavailable: the relay cannot do it now; try again; internal: a defect of the relay; its log has the details.
         * @enum {string}
         */
        ErrorCode: "bad_request" | "unauthorized" | "token_expired" | "forbidden" | "invalid_channel" | "not_subscribed" | "too_many_subscriptions" | "too_large" | "rate_limited" | "not_found" | "unavailable" | "internal";
        /** What an event's data must be: a built-in event has a shape of its own, any other event any JSON. */
        EventData: unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown & unknown;
        /**
         * A long job.
         * @example {
         *       "attempt": 1,
         *       "createdAt": 1732179990000,
         *       "executionId": "019b3c7e-0c00-7000-8000-2d8f0b8a61c4",
         *       "progress": 0.4,
         *       "status": "running",
         *       "step": "Reading measurements",
         *       "steps": [
         *         {
         *           "attempt": 1,
         *           "name": "Reading measurements",
         *           "startedAt": 1732180000000
         *         }
         *       ],
         *       "title": "Report of bed 3",
         *       "ts": 1732180000000
         *     }
         */
        Execution: {
            /** The number of this attempt. */
            attempt: number;
            /** When it was made, in Unix milliseconds. */
            createdAt: number;
            /** When this attempt ended, in Unix milliseconds. */
            endedAt?: number;
            /** Why it failed. */
            error?: components["schemas"]["ExecutionError"];
            /** Its id. */
            executionId: string;
            /** 0 to 1. */
            progress: number;
            /** Its state. */
            status: components["schemas"]["ExecutionState"];
            /** What it is doing, or did last. */
            step?: string;
            /** The steps begun, oldest first, of all attempts; the newest 200. */
            steps: components["schemas"]["ExecutionStep"][];
            /** What people call it; absent where a backend only published reports. */
            title?: string;
            /** When it last changed, in Unix milliseconds. */
            ts: number;
        };
        /**
         * What a worker reports; what is absent stays.
         * @example {
         *       "error": {
         *         "code": "timeout",
         *         "detail": "GET /samples/7: 30 s",
         *         "message": "The laboratory did not answer."
         *       },
         *       "status": "failed"
         *     }
         */
        ExecutionChange: {
            /** Which attempt reports; the current one where it is absent. */
            attempt?: number | null;
            /** Why it failed; beside `failed` alone. */
            error?: components["schemas"]["ExecutionError"] | null;
            /** 0 to 1. */
            progress?: number | null;
            /** The new state; `failed` needs `error`. */
            status?: components["schemas"]["ExecutionState"] | null;
            /** What it is doing now. */
            step?: components["schemas"]["Line"] | null;
        };
        /** A long job, with its log. */
        ExecutionDetail: {
            /** The number of this attempt. */
            attempt: number;
            /** When it was made, in Unix milliseconds. */
            createdAt: number;
            /** When this attempt ended, in Unix milliseconds. */
            endedAt?: number;
            /** Why it failed. */
            error?: components["schemas"]["ExecutionError"];
            /** Its id. */
            executionId: string;
            /** The newest 100 lines, oldest first. */
            log: components["schemas"]["ExecutionLine"][];
            /** 0 to 1. */
            progress: number;
            /** Its state. */
            status: components["schemas"]["ExecutionState"];
            /** What it is doing, or did last. */
            step?: string;
            /** The steps begun, oldest first, of all attempts; the newest 200. */
            steps: components["schemas"]["ExecutionStep"][];
            /** What people call it; absent where a backend only published reports. */
            title?: string;
            /** When it last changed, in Unix milliseconds. */
            ts: number;
        };
        /** Why an execution failed. */
        ExecutionError: {
            /** The machine-readable code. */
            code: string;
            /** More, for whoever mends it. */
            detail?: string | null;
            /** A sentence for people. */
            message: string;
        };
        /** A line of the log. */
        ExecutionLine: {
            /** In which attempt. */
            attempt: number;
            /**
             * How grave.
             * @enum {string}
             */
            level: "info" | "warning" | "error";
            /** What it says. */
            text: string;
            /** When it came, in Unix milliseconds. */
            ts: number;
        };
        /** One page of a log. */
        ExecutionLines: {
            /** Newest first. */
            items: components["schemas"]["ExecutionLine"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /** What was kept. */
        ExecutionLinesKept: {
            /** The execution. */
            executionId: string;
            /** How many lines. */
            lines: number;
        };
        /** One page of executions. */
        ExecutionList: {
            /** Newest first. */
            items: components["schemas"]["Execution"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /** execution_retry on execution:{id}: asked for by a user, acted on by the backend that subscribes. */
        ExecutionRetry: {
            /** The execution. */
            executionId: components["schemas"]["Id"];
        };
        /**
         * The state of a long job. queued: waiting to start; running: at work; succeeded: ended well; failed: ended badly; retrying: starting again.
         * @enum {string}
         */
        ExecutionState: "queued" | "running" | "succeeded" | "failed" | "retrying";
        /** A step that was begun. */
        ExecutionStep: {
            /** In which attempt. */
            attempt: number;
            /** As the worker named it. */
            name: string;
            /** When, in Unix milliseconds. */
            startedAt: number;
        };
        /** execution_update on execution:{id}; retained. */
        ExecutionUpdate: {
            /** The number of this attempt, from 1. */
            attempt: number;
            /** Why it failed. */
            error?: components["schemas"]["ExecutionError"] | null;
            /** The execution. */
            executionId: components["schemas"]["Id"];
            /** 0 to 1. */
            progress: number;
            /** Its state. */
            status: components["schemas"]["ExecutionState"];
            /** What it is doing. */
            step?: string | null;
        };
        /** The process answers. */
        Health: {
            /**
             * Always ok.
             * @constant
             */
            status: "ok";
        };
        /** What a channel's history holds. */
        HistoryResult: {
            /** The channel. */
            channel: components["schemas"]["ChannelName"];
            /** Changes whenever the history was lost; empty where the channel has none. */
            epoch: string;
            /** The newest offset. */
            offset: number;
            /** Oldest first. */
            publications: components["schemas"]["Publication"][];
            /** Whether everything after `after` is there. */
            recovered: boolean;
        };
        /** An id: of a device, a patient, a user, a conversation. */
        Id: string;
        /** alert_read, notification_read, notification_dismissed on user:{id}. */
        Ids: {
            /** What was read or dismissed. */
            ids: components["schemas"]["Id"][];
        };
        /** Why an item was refused. */
        ItemError: {
            /** The machine-readable code. */
            code: components["schemas"]["ErrorCode"];
            /** The field, as a path inside the item. */
            field?: string;
            /** A sentence for people. */
            message: string;
            /** How long to wait before the next try, in milliseconds. */
            retryAfterMs?: number;
            /** Whether the same item may be taken later. */
            retryable: boolean;
        };
        /** An idempotency key: a line of at most 128 bytes. */
        Key: string;
        /** One line: no control characters, and not only spaces. At most 512 bytes of UTF-8, which may be fewer characters. */
        Line: string;
        /**
         * All that there are now.
         * @example {
         *       "all": true
         *     }
         */
        MarkAll: {
            /**
             * Yes, all.
             * @constant
             */
            all: true;
        };
        /**
         * Those that are named; ids that are unknown or marked already are passed over.
         * @example {
         *       "ids": [
         *         "al-1"
         *       ]
         *     }
         */
        MarkThese: {
            /** Their ids. */
            ids: components["schemas"]["Id"][];
        };
        /** One message of a conversation. */
        Message: {
            /** The sender's own id, by which an optimistic page finds it again. */
            clientId?: string | null;
            /** The text. */
            content: string;
            /** The message's id (relay). */
            id?: components["schemas"]["Id"] | null;
            /** Whether url is a recording. */
            isAudio?: boolean | null;
            /** Who wrote it. */
            sender: components["schemas"]["Sender"];
            /** The writer's name. */
            senderName: string;
            /** When (relay). */
            ts?: components["schemas"]["Time"] | null;
            /** Where the recording or attachment is. */
            url?: string | null;
        };
        /** One page of messages. */
        MessageList: {
            /** Newest first. */
            items: components["schemas"]["SentMessage"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /** message_status on conversation:{id}. */
        MessageStatus: {
            /** The message. */
            messageId: components["schemas"]["Id"];
            /** How far it came. */
            status: components["schemas"]["DeliveryStatus"];
            /** For whom. */
            user: components["schemas"]["Id"];
        };
        /**
         * Who has it from now on.
         * @example {
         *       "status": "assumed"
         *     }
         */
        NewConversationStatus: {
            /** A note that stays with it. */
            note?: components["schemas"]["Text"] | null;
            /** The new state. */
            status: components["schemas"]["ConversationStatus"];
            /** Take it also where somebody else has assumed it. */
            takeOver?: boolean | null;
        };
        /**
         * An execution to make.
         * @example {
         *       "title": "Report of bed 3"
         *     }
         */
        NewExecution: {
            /** Its id; the relay gives one where it is absent. Made again with the same title it is the same. */
            executionId?: components["schemas"]["Id"] | null;
            /** The idempotency key, where the header is not given. */
            key?: components["schemas"]["Key"] | null;
            /** What people call it. */
            title: components["schemas"]["Line"];
        };
        /**
         * Lines for the log.
         * @example {
         *       "lines": [
         *         "3 of 7 samples read"
         *       ]
         *     }
         */
        NewExecutionLines: {
            /** The idempotency key, where the header is not given. */
            key?: components["schemas"]["Key"] | null;
            /**
             * How grave; `info` where it is absent.
             * @enum {unknown}
             */
            level?: "info" | "warning" | "error" | null;
            /** 1 to 100 lines, each at most 32 KiB. */
            lines: components["schemas"]["Text"][];
        };
        /**
         * A message to send.
         * @example {
         *       "clientId": "c-1",
         *       "content": "I feel dizzy."
         *     }
         */
        NewMessage: {
            /** The sender's own id. */
            clientId?: components["schemas"]["Key"] | null;
            /** The text. */
            content: components["schemas"]["Text"];
            /** Whether `url` is a recording. */
            isAudio?: boolean | null;
            /** The idempotency key, where the header is not given. */
            key?: components["schemas"]["Key"] | null;
            /** The patient it is about. */
            patientId?: components["schemas"]["Id"] | null;
            /** Who writes; follows from the token's role where it is absent. */
            sender?: components["schemas"]["Sender"] | null;
            /** The writer's name; the token's where it is absent. */
            senderName?: components["schemas"]["Line"] | null;
            /** Where the recording or attachment is: a path or an https: address. */
            url?: components["schemas"]["Line"] | null;
        };
        /**
         * What to notify whom of.
         * @example {
         *       "body": "Bed 3 was moved to room 12.",
         *       "severity": "low",
         *       "title": "Shift handover",
         *       "to": {
         *         "roles": [
         *           "nurse"
         *         ]
         *       }
         *     }
         */
        NewNotification: {
            /** The text. */
            body: components["schemas"]["Text"];
            /** The idempotency key, where the header is not given. */
            key?: components["schemas"]["Key"] | null;
            /** Where a click leads: a path or an https: address. */
            link?: components["schemas"]["Line"] | null;
            /** How grave. */
            severity: components["schemas"]["Severity"];
            /** The headline. */
            title: components["schemas"]["Line"];
            /** To whom; each user once. At most 10,000 users in all. */
            to: components["schemas"]["ToSome"] | components["schemas"]["ToAll"];
        };
        /** notification on user:{id}. */
        Notification: {
            /** The text. */
            body: string;
            /** The notification's id (relay). */
            id?: components["schemas"]["Id"] | null;
            /** Where a click leads. */
            link?: string | null;
            /** How grave. */
            severity: components["schemas"]["Severity"];
            /** The headline. */
            title: string;
            /** When (relay). */
            ts?: components["schemas"]["Time"] | null;
        };
        /** One id for each addressee: those named first, in their order, then those of the roles, or everyone, by their ids. */
        NotificationIds: {
            /** The notifications. */
            ids: string[];
        };
        /**
         * One page of the caller's own notifications.
         * @example {
         *       "items": [
         *         {
         *           "body": "Bed 3 was moved to room 12.",
         *           "id": "019b3c7e-0c00-7000-8000-2d8f0b8a61c4",
         *           "read": false,
         *           "severity": "low",
         *           "title": "Shift handover",
         *           "ts": 1732180000000
         *         }
         *       ],
         *       "next": null,
         *       "unread": 1
         *     }
         */
        NotificationList: {
            /** Newest first. */
            items: components["schemas"]["StoredNotification"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
            /** How many are unread, of all pages. */
            unread: number;
        };
        /**
         * Which notifications: `ids`, or `all: true`; one of both.
         * @example {
         *       "all": true
         *     }
         * @example {
         *       "ids": [
         *         "019b3c7e-0c00-7000-8000-2d8f0b8a61c4"
         *       ]
         *     }
         */
        NotificationMarks: components["schemas"]["MarkThese"] | components["schemas"]["MarkAll"];
        /** What is left unread. */
        NotificationUnread: {
            /** How many. */
            unread: number;
        };
        /**
         * What became of one item: accepted or error.
         * @example {
         *       "accepted": {
         *         "epoch": "e7f3",
         *         "offset": 42
         *       },
         *       "channel": "patient:p-9",
         *       "id": "al-1",
         *       "index": 0
         *     }
         * @example {
         *       "error": {
         *         "code": "bad_request",
         *         "field": "severity",
         *         "message": "severity: unknown variant `grave`",
         *         "retryable": false
         *       },
         *       "index": 1
         *     }
         */
        Outcome: {
            /** Accepted: its position. The epoch is empty where the event has no history. */
            accepted?: components["schemas"]["Position"];
            /** Where it was published. */
            channel?: components["schemas"]["ChannelName"];
            /** Refused. */
            error?: components["schemas"]["ItemError"];
            /** An alert's id, which the relay gives where the caller gave none. */
            id?: components["schemas"]["Id"];
            /** Its place in the request, from 0. */
            index: number;
        } & (unknown | unknown);
        /** What became of the items, in their order: one, or a list. */
        Outcomes: components["schemas"]["Outcome"] | components["schemas"]["Outcome"][];
        /** CBOR: always a list, each item with the keys of PublishOutcome (PROTOCOL.md, section 12). */
        OutcomesCbor: components["schemas"]["PublishOutcome"][];
        /**
         * A patient, as a backend says it.
         * @example {
         *       "createdAt": 1732180000000,
         *       "name": "Maria Oliveira",
         *       "patientId": "p-9",
         *       "priority": "high",
         *       "status": "admitted",
         *       "ts": 1732180000000
         *     }
         */
        Patient: {
            /** When it was first heard of. */
            createdAt: components["schemas"]["Time"];
            /** The name; the id where none was said. */
            name: string;
            /** The patient. */
            patientId: components["schemas"]["Id"];
            /** In the application's own words. */
            priority?: string;
            /** In the application's own words. */
            status?: string;
            /** When it changed last. */
            ts: components["schemas"]["Time"];
        };
        /** The caller's whole object; it must have a patientId. */
        PatientChange: {
            /** The patient. */
            patientId: components["schemas"]["Id"];
        };
        /** One page of the patients that the token may read. */
        PatientList: {
            /** The newest first. */
            items: components["schemas"]["Patient"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /**
         * How a patient is, in the application's own words.
         * @example {
         *       "name": "Maria Oliveira",
         *       "priority": "high",
         *       "status": "admitted"
         *     }
         */
        PatientState: {
            /** The name. */
            name: components["schemas"]["Line"];
            /** Such as high. */
            priority?: components["schemas"]["Word"] | null;
            /** Such as admitted. */
            status?: components["schemas"]["Word"] | null;
        };
        /**
         * POST /api/v1/poll.
         * @example {
         *       "channels": [
         *         {
         *           "channel": "device:bed-1",
         *           "recover": {
         *             "epoch": "e7f3",
         *             "offset": 41
         *           }
         *         },
         *         {
         *           "channel": "tenant"
         *         }
         *       ],
         *       "waitMs": 25000
         *     }
         */
        PollRequest: {
            /** What to read, and from where. */
            channels?: components["schemas"]["SubscribeEntry"][];
            /** How long the relay may wait for news, in milliseconds; absent is 0, more than 25,000 counts as 25,000. */
            waitMs?: number | null;
        };
        /**
         * The answer to a poll.
         * @example {
         *       "channels": [
         *         {
         *           "channel": "device:bed-1",
         *           "epoch": "e7f3",
         *           "offset": 42,
         *           "publications": [
         *             {
         *               "data": {
         *                 "deviceId": "bed-1",
         *                 "status": "online"
         *               },
         *               "event": "device_status",
         *               "offset": 42,
         *               "ts": 1732180000000
         *             }
         *           ],
         *           "recovered": true,
         *           "state": [],
         *           "viewers": {
         *             "count": 1,
         *             "names": [
         *               "Ana"
         *             ]
         *           }
         *         },
         *         {
         *           "channel": "admin",
         *           "error": {
         *             "code": "forbidden",
         *             "message": "admin: needs role admin",
         *             "retryable": false
         *           }
         *         }
         *       ],
         *       "serverTime": 1732180000500
         *     }
         */
        PollResponse: {
            /** One entry for each channel asked for, in the same order. */
            channels?: components["schemas"]["SubscribedEntry"][];
            /** The relay's clock. */
            serverTime: components["schemas"]["Time"];
        };
        /**
         * Where a client stands in a channel: the last publication it saw. An empty epoch means: no history here.
         * @example {
         *       "epoch": "e7f3",
         *       "offset": 41
         *     }
         */
        Position: {
            /** Changes whenever the history was lost. */
            epoch: string;
            /** The number of the publication, from 1. */
            offset: number;
        };
        /** presence on tenant. */
        Presence: {
            /** Who left: their last connection gone for 10 s. */
            offline?: components["schemas"]["Id"][];
            /** Who came: their first connection. */
            online?: components["schemas"]["PresentUser"][];
        };
        /**
         * Who is there.
         * @example {
         *       "channel": "tenant",
         *       "users": [
         *         {
         *           "name": "Ana",
         *           "userId": "ana"
         *         }
         *       ]
         *     }
         */
        PresenceResult: {
            /** The channel. */
            channel: components["schemas"]["ChannelName"];
            /** On tenant everyone online, on other channels those who view it. */
            users: components["schemas"]["PresentUser"][];
        };
        /** A user with a name to show. */
        PresentUser: {
            /** The name to show. */
            name: string;
            /** The user. */
            userId: components["schemas"]["Id"];
        };
        /** A refusal (RFC 9457). */
        Problem: {
            /** The machine-readable code. */
            code: components["schemas"]["ProblemCode"];
            /** A sentence for people: what is wrong, where, and how to mend it. */
            detail: string;
            /** Every field that is to blame, where a request of the stored domain makes no sense; `field` is the first of them. */
            errors?: {
                /** Its path in the body or the query, such as `to.users[3]`. */
                field: string;
                /** What is wrong with it, and what is accepted. */
                message: string;
            }[];
            /** The field of the body or the query, where one is to blame. */
            field?: string;
            /** Where a list was refused whole: why, for each item. */
            outcomes?: components["schemas"]["Outcome"][];
            /** How long to wait before the next try, in milliseconds. */
            retryAfterMs?: number;
            /** Whether the same request may succeed later. */
            retryable: boolean;
            /** The HTTP status. */
            status: number;
            /** The HTTP status in words. */
            title: string;
            /**
             * Always about:blank: `code` tells the kinds apart.
             * @constant
             */
            type: "about:blank";
        };
        /**
         * The code of a refusal over HTTP: that of an error, or why a token was refused.
         * @enum {string}
         */
        ProblemCode: "bad_request" | "forbidden" | "internal" | "invalid_channel" | "not_found" | "not_subscribed" | "rate_limited" | "token_expired" | "token_invalid" | "token_malformed" | "token_missing" | "too_large" | "too_many_subscriptions" | "unauthorized" | "unavailable";
        /** One publication. */
        Publication: {
            /** The event's data. */
            data: unknown;
            /** The event's name. */
            event: string;
            /** Where publications were merged: the first that this one covers. */
            firstOffset?: number | null;
            /** Who published, where a user did. */
            from?: components["schemas"]["Author"] | null;
            /** Its number in the channel; absent where the channel or the event has no history. */
            offset?: number | null;
            /** When the relay accepted it. */
            ts: components["schemas"]["Time"];
        } & components["schemas"]["EventData"];
        /**
         * One publication of POST /api/v1/publish.
         * @example {
         *       "channel": "conversation:c-1",
         *       "data": {
         *         "conversationId": "c-1"
         *       },
         *       "event": "typing_start",
         *       "key": "k-1"
         *     }
         */
        PublishItem: {
            /** The channel. */
            channel: components["schemas"]["ChannelName"];
            /** The event's data. An event of the application's own may leave it out, which means null. */
            data?: unknown;
            /** The event's name: a built-in one, or the application's own. */
            event: string;
            /** Idempotency key: the same key with the same body is stored once. */
            key?: string | null;
        } & components["schemas"]["EventData"];
        /** Publications: one, or a list. */
        PublishItems: components["schemas"]["PublishItem"] | components["schemas"]["PublishItem"][];
        /** The outcome of one item: exactly one of both. */
        PublishOutcome: {
            /** Accepted: where it stands. */
            accepted?: components["schemas"]["Position"] | null;
            /** Refused. */
            error?: components["schemas"]["ErrorBody"] | null;
        };
        /** The relay can serve. */
        Ready: {
            /**
             * Where the circuit breaker stands: while it is open, new WebSockets are refused, and everything else goes on.
             * @enum {string}
             */
            breaker: "closed" | "open" | "half_open";
            /** The relay's id. */
            node: string;
            /**
             * Always ready.
             * @constant
             */
            status: "ready";
        };
        /** A refused entry of connect or of a poll. */
        Refused: {
            /** The channel as it was asked for. */
            channel: string;
            /** Why. */
            error: components["schemas"]["ErrorBody"];
        };
        /**
         * Who wrote a message. patient: the patient; agent: an automatic agent; nurse: a nurse; user: any other user.
         * @enum {string}
         */
        Sender: "patient" | "agent" | "nurse" | "user";
        /** A message as it was kept. */
        SentMessage: {
            /** The sender's own id. */
            clientId?: string;
            /** The text. */
            content: string;
            /** The message. */
            id: string;
            /** Whether `url` is a recording. */
            isAudio?: boolean;
            /** Who wrote it. */
            sender: components["schemas"]["Sender"];
            /** The writer's name. */
            senderName: string;
            /** How far it came: the furthest for anyone but its sender. */
            status: components["schemas"]["DeliveryStatus"];
            /** When, in Unix milliseconds. */
            ts: number;
            /** Where the recording or attachment is. */
            url?: string;
            /** Whose token sent it; empty where the relay's own feed did. */
            user: string;
        };
        /** The points of one metric: times and values, equally long. */
        Series: {
            /** Times in Unix milliseconds. */
            t: components["schemas"]["Column"];
            /** The unit, such as mV or bpm. */
            unit?: string | null;
            /** Values, in unit. */
            v: components["schemas"]["Column"];
        };
        /** One page of a patient's usage sessions. */
        SessionList: {
            /** Of the days that are asked for; null where no device of the patient has a target. */
            compliance: number | null;
            /** The newest first. */
            items: components["schemas"]["StoredSession"][];
            /** The next page's `before`; null at the end. */
            next: string | null;
        };
        /**
         * Which end of a usage session an event tells. start: use began; end: use ended.
         * @enum {string}
         */
        SessionPhase: "start" | "end";
        /**
         * How grave an alert or a notification is. Ordered: critical first. critical: someone may be harmed now; high: needs attention soon; medium: needs attention; low: for information.
         * @enum {string}
         */
        Severity: "critical" | "high" | "medium" | "low";
        /**
         * An alert as it stands.
         * @example {
         *       "acknowledgeNote": "On my way.",
         *       "acknowledgedAt": 1732180030000,
         *       "acknowledgedBy": "Ana",
         *       "acknowledgedById": "ana",
         *       "id": "al-1",
         *       "message": "SpO2 at 84 %",
         *       "note": "On my way.",
         *       "patientId": "p-9",
         *       "patientName": "Maria Oliveira",
         *       "read": true,
         *       "severity": "high",
         *       "state": "acknowledged",
         *       "ts": 1732180000000,
         *       "type": "spo2_low"
         *     }
         */
        StoredAlert: {
            /** The note of who acknowledged it. */
            acknowledgeNote?: string;
            /** When it was acknowledged. */
            acknowledgedAt?: components["schemas"]["Time"];
            /** The name of who acknowledged it. */
            acknowledgedBy?: string;
            /** The user who acknowledged it. */
            acknowledgedById?: string;
            /** The device it came from. */
            deviceId?: components["schemas"]["Id"];
            /** The alert's id (relay). */
            id: components["schemas"]["Id"];
            /** A sentence for people. */
            message: string;
            /** Anything else, as JSON. */
            metadata?: unknown;
            /** The newest note. */
            note?: string;
            /** The patient. */
            patientId: components["schemas"]["Id"];
            /** The patient's name. */
            patientName: string;
            /** Whether the caller has read it, on any device. */
            read: boolean;
            /** The note of who resolved it. */
            resolveNote?: string;
            /** When it was resolved. */
            resolvedAt?: components["schemas"]["Time"];
            /** The name of who resolved it. */
            resolvedBy?: string;
            /** The user who resolved it. */
            resolvedById?: string;
            /** How grave. */
            severity: components["schemas"]["Severity"];
            /**
             * How far it was dealt with.
             * @enum {string}
             */
            state: "active" | "acknowledged" | "resolved";
            /** When it arose (relay). */
            ts: components["schemas"]["Time"];
            /** What kind of alert, in the caller's own words (heart_rate_high). */
            type: string;
        };
        /** A notification of the caller's own. */
        StoredNotification: {
            /** The text. */
            body: string;
            /** The notification. */
            id: string;
            /** Where a click leads. */
            link?: string;
            /** Whether the user has read it, on any device. */
            read: boolean;
            /** How grave. */
            severity: components["schemas"]["Severity"];
            /** The headline. */
            title: string;
            /** When it was made, in Unix milliseconds. */
            ts: number;
        };
        /**
         * A usage session.
         * @example {
         *       "compliance": 0.5,
         *       "deviceId": "cpap-3",
         *       "durationMs": 7200000,
         *       "endedAt": 1732187200000,
         *       "patientId": "p-9",
         *       "startedAt": 1732180000000
         *     }
         */
        StoredSession: {
            /** The share of the day's target when it ended. */
            compliance?: number;
            /** The device. */
            deviceId: components["schemas"]["Id"];
            /** How long it lasted. */
            durationMs?: number;
            /** When use ended; absent while it goes on. */
            endedAt?: components["schemas"]["Time"];
            /** The patient. */
            patientId: components["schemas"]["Id"];
            /** When use began. */
            startedAt: components["schemas"]["Time"];
        };
        /** One wanted channel. */
        SubscribeEntry: {
            /** The channel. */
            channel: string;
            /** How many of the newest publications to send on a first subscribe. */
            history?: number | null;
            /** The rate the page can use, for telemetry and retained events; rounded down to 1, 2, 5, 10, 20, 30 or 60. A poll takes no notice of it. */
            maxHz?: number | null;
            /** The last position seen, to get what was missed. */
            recover?: components["schemas"]["Position"] | null;
        };
        /** subscribed: where a channel stands, and what was missed. */
        Subscribed: {
            /** The channel. */
            channel: components["schemas"]["ChannelName"];
            /** The epoch; empty where the channel has no history. */
            epoch: string;
            /** The command's id; absent where the relay subscribed by itself. */
            id?: number | null;
            /** The newest offset, which the subscriber now stands at. */
            offset: number;
            /** What was missed, or the newest history, in order. */
            publications?: components["schemas"]["Publication"][];
            /** Whether everything after recover is in publications. */
            recovered: boolean;
            /** The newest publication of each retained event. */
            state?: components["schemas"]["Publication"][];
            /** Viewers, where they are counted. */
            viewers?: components["schemas"]["ViewerCount"] | null;
        };
        /** One entry of welcome.subscribed and of a poll's answer: subscribed, or refused. */
        SubscribedEntry: components["schemas"]["Subscribed"] | components["schemas"]["Refused"];
        /** Data of telemetry: one, or a list. */
        Telemetries: components["schemas"]["Telemetry"] | components["schemas"]["Telemetry"][];
        /**
         * telemetry on device:{id}.
         * @example {
         *       "deviceId": "bed-1",
         *       "series": {
         *         "heart_rate": {
         *           "t": [
         *             1732180000000,
         *             1732180001000
         *           ],
         *           "unit": "bpm",
         *           "v": [
         *             72,
         *             72.5
         *           ]
         *         }
         *       }
         *     }
         */
        Telemetry: {
            /** The device. */
            deviceId: components["schemas"]["Id"];
            /** Points by metric. */
            series: {
                [key: string]: components["schemas"]["Series"];
            };
        };
        /** A text that is not only spaces. At most 32 KiB of UTF-8, which may be fewer characters. */
        Text: string;
        /** A time in Unix milliseconds. */
        Time: number;
        /**
         * To everyone of the tenant; users that are named beside it are counted once.
         * @example {
         *       "all": true
         *     }
         */
        ToAll: {
            /**
             * Everyone.
             * @constant
             */
            all: true;
            /** Says nothing more. */
            roles?: components["schemas"]["Id"][] | null;
            /** These too, known or not. */
            users?: components["schemas"]["Id"][] | null;
        };
        /**
         * To users that are named, to everyone of some roles, or both.
         * @example {
         *       "roles": [
         *         "nurse"
         *       ]
         *     }
         */
        ToSome: {
            /**
             * Not everyone.
             * @enum {unknown}
             */
            all?: false | null;
            /** Everyone whose newest token has one of these roles. */
            roles?: components["schemas"]["Id"][] | null;
            /** These users, known or not. */
            users?: components["schemas"]["Id"][] | null;
        } | {
            users: unknown[];
        } | {
            roles: unknown[];
        };
        /** typing_start, typing_stop on conversation:{id}; who types stands in from. */
        Typing: {
            /** The conversation. */
            conversationId: components["schemas"]["Id"];
        };
        /** usage_session on patient:{id}. */
        UsageSession: {
            /** Share of the day's target, 0 to 1. */
            compliance?: number | null;
            /** The device. */
            deviceId: components["schemas"]["Id"];
            /** How long it lasted. */
            durationMs?: number | null;
            /** When use ended. */
            endedAt?: components["schemas"]["Time"] | null;
            /** The patient. */
            patientId: components["schemas"]["Id"];
            /** Start or end. */
            phase: components["schemas"]["SessionPhase"];
            /** When use began. */
            startedAt: components["schemas"]["Time"];
        };
        /** Viewers of a channel. */
        ViewerCount: {
            /** Distinct users. */
            count: number;
            /** At most 20 of their names. */
            names?: string[];
        };
        /** A word or some, in one line of at most 64 bytes. */
        Word: string;
    };
    responses: {
        /** The request cannot be read, or a parameter makes no sense; `field` names it where one is to blame. */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "bad_request",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 400,
                 *       "title": "Bad Request",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** The rights of the token, or of its role, do not allow it; with `--dev` also a name that is not this machine's. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "forbidden",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 403,
                 *       "title": "Forbidden",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** A defect of the relay; its log has the details. */
        Internal: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "internal",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 500,
                 *       "title": "Internal Server Error",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** There is no such thing here. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "not_found",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 404,
                 *       "title": "Not Found",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** Too much at once; `Retry-After` and `retryAfterMs` say how long to wait. */
        RateLimited: {
            headers: {
                /** Seconds to wait before the next try. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "rate_limited",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryAfterMs": 2000,
                 *       "retryable": true,
                 *       "status": 429,
                 *       "title": "Too Many Requests",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** The body did not arrive in time. */
        Timeout: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "bad_request",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 408,
                 *       "title": "Request Timeout",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** The body is larger than `limits.max_body_bytes` of this relay, or a list that is to be applied whole has too many items. */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "too_large",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 413,
                 *       "title": "Payload Too Large",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** No valid token: missing, malformed, expired or invalid, as `code` says. */
        Unauthorized: {
            headers: {
                /** `Bearer`. */
                "WWW-Authenticate"?: string;
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "token_expired",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 401,
                 *       "title": "Unauthorized",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** The relay cannot do it now (draining, overloaded); `Retry-After` says when to try again. */
        Unavailable: {
            headers: {
                /** Seconds to wait before the next try. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "unavailable",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryAfterMs": 2000,
                 *       "retryable": true,
                 *       "status": 503,
                 *       "title": "Service Unavailable",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** The body can be read but makes no sense: `detail` says what, `outcomes` says it for each item. */
        Unprocessable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "bad_request",
                 *       "detail": "battery: 45 is not between 0 and 1 (45 % is 0.45)",
                 *       "retryable": false,
                 *       "status": 422,
                 *       "title": "Unprocessable Entity",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** `Content-Type` or `Content-Encoding` is not taken here. */
        UnsupportedMediaType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "code": "bad_request",
                 *       "detail": "a sentence for people: what, where, how to mend it",
                 *       "retryable": false,
                 *       "status": 415,
                 *       "title": "Unsupported Media Type",
                 *       "type": "about:blank"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listAlerts: {
        parameters: {
            query?: {
                /** Only of this patient. */
                patientId?: components["schemas"]["Id"];
                /** Only of this severity: critical, high, medium or low. */
                severity?: components["schemas"]["Severity"];
                /** Only in this state: active, acknowledged or resolved; open is what is not resolved. */
                state?: "open" | "active" | "acknowledged" | "resolved";
                /** Only those that the caller has not read and nobody has resolved. */
                unread?: boolean;
                /** Only those that arose then or later, in Unix milliseconds. */
                from?: number;
                /** Only those that arose before then. */
                to?: number;
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    publishAlerts: {
        parameters: {
            query?: {
                /** `true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413. */
                atomic?: boolean;
            };
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Alerts"];
            };
        };
        responses: {
            /** Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outcomes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    readAlerts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["AlertMarks"];
            };
        };
        responses: {
            /** What is left unread. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertUnread"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    acknowledgeAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * The alert.
                 * @example al-1
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["AlertNote"];
            };
        };
        responses: {
            /** The alert as it stands now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredAlert"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    resolveAlert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * The alert.
                 * @example al-1
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["AlertNote"];
            };
        };
        responses: {
            /** The alert as it stands now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredAlert"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listConversations: {
        parameters: {
            query?: {
                /** Only those that are `open`, `assumed` or `resolved`. */
                status?: components["schemas"]["ConversationStatus"];
                /** Only those about this patient. */
                patientId?: components["schemas"]["Id"];
                /** Only those that this user has assumed or resolved. */
                assignee?: components["schemas"]["Id"];
                /** Only those with messages that the caller has not read. */
                unread?: boolean;
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path: {
                /** The conversation. */
                conversationId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    sendMessage: {
        parameters: {
            query?: never;
            header?: {
                /** Stands for `clientId` where that is not given. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** The conversation. */
                conversationId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewMessage"];
            };
        };
        responses: {
            /** It is kept. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SentMessage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    setConversationStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The conversation. */
                conversationId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewConversationStatus"];
            };
        };
        responses: {
            /** As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listDevices: {
        parameters: {
            query?: {
                /** Only those of this patient. */
                patientId?: components["schemas"]["Id"];
                /** Only those that are online, offline or in maintenance. */
                status?: components["schemas"]["DeviceState"];
                /** `next` of the page before. */
                before?: components["schemas"]["Id"];
                /** At most so many; 1,000 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    publishAlertsOfDevices: {
        parameters: {
            query?: {
                /** `true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413. */
                atomic?: boolean;
            };
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Alerts"];
            };
        };
        responses: {
            /** Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outcomes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    publishDeviceStatus: {
        parameters: {
            query?: {
                /** `true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413. */
                atomic?: boolean;
            };
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceStatuses"];
            };
        };
        responses: {
            /** Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outcomes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    publishTelemetryOfDevices: {
        parameters: {
            query?: {
                /** `true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413. */
                atomic?: boolean;
            };
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Telemetries"];
            };
        };
        responses: {
            /** Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outcomes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * The device.
                 * @example bed-1
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    putDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * The device.
                 * @example bed-1
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["DeviceRegistration"];
            };
        };
        responses: {
            /** The device as it is known now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listExecutions: {
        parameters: {
            query?: {
                /** Only those in this state: `queued`, `running`, `succeeded`, `failed` or `retrying`. */
                status?: components["schemas"]["ExecutionState"];
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    createExecution: {
        parameters: {
            query?: never;
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is answered with the same execution for a day. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewExecution"];
            };
        };
        responses: {
            /** It is kept. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The execution. */
                executionId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The execution. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getExecutionLog: {
        parameters: {
            query?: {
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path: {
                /** The execution. */
                executionId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionLines"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    writeExecutionLog: {
        parameters: {
            query?: never;
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is written once. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** The execution. */
                executionId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewExecutionLines"];
            };
        };
        responses: {
            /** They are kept. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionLinesKept"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    retryExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The execution. */
                executionId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** Nothing, or an empty object. */
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** As it is now. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateExecution: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** The execution. */
                executionId: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ExecutionChange"];
            };
        };
        responses: {
            /** As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Execution"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getHistory: {
        parameters: {
            query?: {
                /** Only publications above this offset. */
                after?: number;
                /** At most so many; 100 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path: {
                /**
                 * A channel name, such as `device:bed-1`.
                 * @example tenant
                 */
                channel: components["schemas"]["ChannelName"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** What the history holds. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryResult"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listNotifications: {
        parameters: {
            query?: {
                /** Only those that are unread. */
                unread?: boolean;
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotificationList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    createNotifications: {
        parameters: {
            query?: never;
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is answered with the same ids for a day, and notifies once. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewNotification"];
            };
        };
        responses: {
            /** They are kept, and told to who is there. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotificationIds"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    dismissNotifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NotificationMarks"];
            };
        };
        responses: {
            /** What is left unread. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotificationUnread"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    readNotifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NotificationMarks"];
            };
        };
        responses: {
            /** What is left unread. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotificationUnread"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listPatients: {
        parameters: {
            query?: {
                /** Only those of this status. */
                status?: components["schemas"]["Word"];
                /** Only those of this priority. */
                priority?: components["schemas"]["Word"];
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PatientList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getPatient: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * The patient.
                 * @example p-9
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The patient. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Patient"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    putPatient: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * The patient.
                 * @example p-9
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["PatientState"];
            };
        };
        responses: {
            /** The patient as it is known now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Patient"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listSessions: {
        parameters: {
            query?: {
                /** In Unix milliseconds; seven days before `to` where nothing is said. */
                from?: number;
                /** In Unix milliseconds; now where nothing is said. */
                to?: number;
                /** `next` of the page before. */
                before?: string;
                /** At most so many; 50 where nothing is said. */
                limit?: number;
            };
            header?: never;
            path: {
                /**
                 * The patient.
                 * @example p-9
                 */
                id: components["schemas"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    poll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** In JSON, or in CBOR with the keys of PROTOCOL.md, section 12. */
        requestBody: {
            content: {
                "application/cbor": components["schemas"]["PollRequest"];
                "application/json": components["schemas"]["PollRequest"];
            };
        };
        responses: {
            /** What each channel has to tell, in the order asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/cbor": components["schemas"]["PollResponse"];
                    "application/json": components["schemas"]["PollResponse"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getPresence: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * A channel name, such as `device:bed-1`.
                 * @example tenant
                 */
                channel: components["schemas"]["ChannelName"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PresenceResult"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    publish: {
        parameters: {
            query?: {
                /** `true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413. */
                atomic?: boolean;
            };
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON, or in CBOR with the keys of PROTOCOL.md, section 12. */
        requestBody: {
            content: {
                "application/cbor": components["schemas"]["PublishItems"];
                "application/json": components["schemas"]["PublishItems"];
            };
        };
        responses: {
            /** Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone; in CBOR the answer is always a list. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/cbor": components["schemas"]["OutcomesCbor"];
                    "application/json": components["schemas"]["Outcomes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getStats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DashboardStats"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    publishTelemetry: {
        parameters: {
            query?: {
                /** `true`: a list is refused whole where a single item is wrong, and nothing of it is applied. Such a list may have a quarter as many items as `limits.queue_messages` (by default 256) and a quarter of the bytes of `limits.queue_bytes` (256 KiB), else 413. */
                atomic?: boolean;
            };
            header?: {
                /** 1 to 100 visible ASCII characters: the same key with the same body is stored once. In a list each item gets a key of its own from it. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** In JSON. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Telemetries"];
            };
        };
        responses: {
            /** Accepted, item by item: each outcome says what became of its item. One object is answered with its outcome alone. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outcomes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Unprocessable"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getDocs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": unknown;
                };
            };
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** It answers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The metrics: OpenMetrics, or Prometheus' older text for whom asks for that alone. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": unknown;
                    "text/plain": unknown;
                };
            };
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** It can. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ready"];
                };
            };
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    connect: {
        parameters: {
            query?: {
                /** A JWT. Proxies may log it: prefer the header or the first message. */
                token?: string;
            };
            header?: {
                /** `pulsewire.v1.json` (also where none is offered) or `pulsewire.v1.cbor`. */
                "Sec-WebSocket-Protocol"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** The connection is a WebSocket now. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
}
