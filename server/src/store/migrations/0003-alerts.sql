CREATE TABLE alerts (
    -- Rises with every row and never comes again: what lists page by.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    patient TEXT NOT NULL,
    severity TEXT NOT NULL,
    -- When it arose, as it was told: a device's clock may be wrong.
    ts_ms INTEGER NOT NULL,
    -- When the relay took it: what its age counts from.
    kept_at_ms INTEGER NOT NULL,
    -- The alert as it was told, as JSON.
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'acknowledged', 'resolved')),
    acknowledged_by TEXT,
    acknowledged_by_name TEXT,
    acknowledged_at_ms INTEGER,
    acknowledge_note TEXT,
    resolved_by TEXT,
    resolved_by_name TEXT,
    resolved_at_ms INTEGER,
    resolve_note TEXT,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX alerts_listed ON alerts (tenant, seq);
CREATE INDEX alerts_of_patient ON alerts (tenant, patient, seq);
CREATE INDEX alerts_of_severity ON alerts (tenant, severity, seq);
CREATE INDEX alerts_open ON alerts (tenant, seq) WHERE state <> 'resolved';
CREATE INDEX alerts_by_age ON alerts (kept_at_ms);

-- Who has read which.
CREATE TABLE alert_reads (
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    alert INTEGER NOT NULL,
    PRIMARY KEY (tenant, user, alert)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_reads_of_alert ON alert_reads (tenant, alert);
-- No foreign key: it would look for rows without their tenant.
CREATE TRIGGER alerts_go AFTER DELETE ON alerts BEGIN
    DELETE FROM alert_reads WHERE tenant = old.tenant AND alert = old.seq;
END;
