-- Users that were seen with a valid token: what `roles` and `all` of a notification mean.
CREATE TABLE users (
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    role TEXT,
    name TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_age ON users (seen_at_ms);

-- Answers to requests that came with an idempotency key.
CREATE TABLE answered (
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    method TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, user, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_by_age ON answered (at_ms);
