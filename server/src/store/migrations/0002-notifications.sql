CREATE TABLE notifications (
    -- Rises with every row and never comes again: what lists page by.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    severity TEXT NOT NULL,
    link TEXT,
    -- As its sender told it, whatever its clock says.
    ts_ms INTEGER NOT NULL,
    kept_at_ms INTEGER NOT NULL,
    read_at_ms INTEGER,
    -- A dismissed one stays until it is too old, so that telling it again does not bring it back.
    dismissed_at_ms INTEGER,
    UNIQUE (tenant, user, id)
) STRICT;
CREATE INDEX notifications_shown ON notifications (tenant, user, seq) WHERE dismissed_at_ms IS NULL;
CREATE INDEX notifications_unread ON notifications (tenant, user, seq) WHERE dismissed_at_ms IS NULL AND read_at_ms IS NULL;
CREATE INDEX notifications_by_age ON notifications (kept_at_ms);

-- How many of the above are neither read nor dismissed: counting them at each request would walk them.
CREATE TABLE notification_counts (
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    unread INTEGER NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER notifications_come AFTER INSERT ON notifications
WHEN new.read_at_ms IS NULL AND new.dismissed_at_ms IS NULL BEGIN
    INSERT INTO notification_counts (tenant, user, unread) VALUES (new.tenant, new.user, 1)
    ON CONFLICT (tenant, user) DO UPDATE SET unread = unread + 1;
END;
CREATE TRIGGER notifications_seen AFTER UPDATE OF read_at_ms, dismissed_at_ms ON notifications
WHEN old.read_at_ms IS NULL AND old.dismissed_at_ms IS NULL
    AND NOT (new.read_at_ms IS NULL AND new.dismissed_at_ms IS NULL) BEGIN
    UPDATE notification_counts SET unread = unread - 1 WHERE tenant = old.tenant AND user = old.user;
END;
CREATE TRIGGER notifications_go AFTER DELETE ON notifications
WHEN old.read_at_ms IS NULL AND old.dismissed_at_ms IS NULL BEGIN
    UPDATE notification_counts SET unread = unread - 1 WHERE tenant = old.tenant AND user = old.user;
END;
