-- Conversations. `extra` is JSON: what backends tell of one beside the columns. `last_at_ms` is the newest activity.
CREATE TABLE conversations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    patient TEXT,
    status TEXT NOT NULL,
    assignee TEXT,
    assignee_name TEXT,
    extra TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX conversations_by_activity ON conversations (tenant, last_at_ms, seq);
CREATE INDEX conversations_by_status ON conversations (tenant, status, last_at_ms, seq);
CREATE INDEX conversations_by_patient ON conversations (tenant, patient, last_at_ms, seq);
CREATE INDEX conversations_by_assignee ON conversations (tenant, assignee, last_at_ms, seq);
-- Only what was resolved is forgotten.
CREATE INDEX conversations_by_age ON conversations (last_at_ms) WHERE status = 'resolved';

-- Their messages; `conversation` is the `seq` above, `body` the message as JSON, `user` whose token sent it.
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT,
    user TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (tenant, conversation, id)
) STRICT;
CREATE UNIQUE INDEX messages_by_client ON messages (tenant, conversation, user, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX messages_in_order ON messages (tenant, conversation, seq);

-- How far each user has received and read: up to and with that message.
CREATE TABLE conversation_marks (
    tenant TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    user TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (tenant, conversation, user)
) STRICT, WITHOUT ROWID;
