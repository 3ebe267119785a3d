-- Long jobs of teams. `steps` and `error` are JSON.
CREATE TABLE executions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT,
    status TEXT NOT NULL,
    step TEXT,
    progress REAL NOT NULL,
    error TEXT,
    attempt INTEGER NOT NULL,
    steps TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX executions_in_order ON executions (tenant, seq);
CREATE INDEX executions_by_status ON executions (tenant, status, seq);
CREATE INDEX executions_by_age ON executions (updated_at_ms);

-- Their log lines; `execution` is the `seq` above.
CREATE TABLE execution_lines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    execution INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX execution_lines_in_order ON execution_lines (tenant, execution, seq);
