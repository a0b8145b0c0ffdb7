-- What the door said, line by line: every refusal, and every request that was no read. No body, no value, no secret
-- stands here, and no money is decided by it. The texts are data from strangers, cleaned and bounded.
CREATE TABLE audit (
    seq         INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    driver      TEXT    NOT NULL,
    call        TEXT    NOT NULL,
    route       TEXT    NOT NULL,
    effect      TEXT,
    tag         TEXT,
    provider_id TEXT,
    -- left, answered, refused, not_sent, maybe_sent
    what        TEXT    NOT NULL,
    status      INTEGER,
    cause       TEXT,
    asked       TEXT,
    why         TEXT,
    -- The line of the manifest, or the command, that would allow it.
    way         TEXT
) STRICT;
CREATE INDEX audit_of ON audit (driver, what, cause);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE (ABORT, 'a line of the trail is never changed'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE (ABORT, 'a line of the trail is never deleted'); END;
