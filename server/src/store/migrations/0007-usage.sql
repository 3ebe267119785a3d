CREATE TABLE usage_sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    patient TEXT NOT NULL,
    device TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    -- NULL while it goes on.
    ended_ms INTEGER,
    -- Share of the day's target when it ended.
    compliance REAL,
    UNIQUE (tenant, device, started_ms)
) STRICT;
CREATE INDEX usage_sessions_of_patient ON usage_sessions (tenant, patient, started_ms, seq);
CREATE INDEX usage_sessions_by_age ON usage_sessions (started_ms);

-- What a relay that starts again goes on from: one row for each device in use, and patient whose it is.
CREATE TABLE usage_states (
    tenant TEXT NOT NULL,
    device TEXT NOT NULL,
    patient TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (tenant, device, patient)
) STRICT, WITHOUT ROWID;
