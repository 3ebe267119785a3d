CREATE TABLE devices (
    tenant TEXT NOT NULL,
    device TEXT NOT NULL,
    -- What a backend says of it.
    name TEXT,
    patient TEXT,
    target_use_ms_per_day INTEGER,
    -- What it said last; written some seconds later.
    status TEXT,
    -- Whether `offline` was the relay's own word, for its silence.
    by_silence INTEGER NOT NULL DEFAULT 0,
    battery REAL,
    last_seen_ms INTEGER,
    metrics TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE patients (
    -- Rises with every row and never comes again: what lists page by.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    patient TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT,
    priority TEXT,
    created_at_ms INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    UNIQUE (tenant, patient)
) STRICT;
CREATE INDEX patients_listed ON patients (tenant, seq);
