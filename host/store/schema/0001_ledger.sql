-- The ledger, first version. A later version only adds: no column, table or value is taken away or changes its meaning.
-- The triggers keep the laws also against a program, or a person, that does not know them.

-- Whose ledger this is: one row, for ever.
CREATE TABLE ledger (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    id       TEXT    NOT NULL CHECK (length(id) = 10),
    practice INTEGER NOT NULL CHECK (practice IN (0, 1)),
    made_at  INTEGER NOT NULL
) STRICT;

-- One row per instance, kept after its end. `doc` is the whole instance; the columns are what queries need.
CREATE TABLE instances (
    seq          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    tag          TEXT    NOT NULL UNIQUE,
    principal    TEXT    NOT NULL,
    provider     TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    is_open      INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    per_hour     INTEGER NOT NULL,
    -- Folded from its entries. What is gone holds nothing.
    held         INTEGER NOT NULL CHECK (held >= 0 AND (is_open = 1 OR held = 0)),
    charged      INTEGER NOT NULL CHECK (charged >= 0),
    -- Who acts on it, and until when.
    worker       TEXT,
    worker_until INTEGER,
    doc          TEXT    NOT NULL CHECK (json_valid(doc))
) STRICT;
CREATE UNIQUE INDEX open_names ON instances (principal, name) WHERE is_open = 1;
CREATE INDEX open_instances ON instances (seq) WHERE is_open = 1;
CREATE INDEX names ON instances (principal, name);

-- The movements of money, in order. Amounts are millionths of a US dollar; held and charged are those of the whole
-- ledger after the entry.
CREATE TABLE entries (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    instance TEXT    NOT NULL REFERENCES instances (id),
    kind     TEXT    NOT NULL CHECK (kind IN ('hold', 'charge', 'release')),
    amount   INTEGER NOT NULL CHECK (amount >= 0),
    reason   TEXT    NOT NULL CHECK (json_valid(reason)),
    held     INTEGER NOT NULL CHECK (held >= 0),
    charged  INTEGER NOT NULL CHECK (charged >= 0)
) STRICT;
CREATE INDEX entries_of ON entries (instance, seq);

-- A provider's id belongs to one instance for ever.
CREATE TABLE handles (
    provider    TEXT NOT NULL,
    account     TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    instance    TEXT NOT NULL REFERENCES instances (id),
    PRIMARY KEY (provider, account, provider_id)
) STRICT, WITHOUT ROWID;

-- The last row is in force; the others are how it came to be.
CREATE TABLE limits (
    seq INTEGER PRIMARY KEY,
    at  INTEGER NOT NULL,
    doc TEXT    NOT NULL CHECK (json_valid(doc))
) STRICT;

-- Small facts of the owner's, such as the last balance seen. No money is decided by them.
CREATE TABLE notes (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_stays BEFORE UPDATE ON ledger BEGIN SELECT RAISE (ABORT, 'the ledger keeps its id and its mode'); END;
CREATE TRIGGER ledger_is_kept BEFORE DELETE ON ledger BEGIN SELECT RAISE (ABORT, 'the ledger keeps its id and its mode'); END;

CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE (ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries BEGIN SELECT RAISE (ABORT, 'an entry is never deleted'); END;
CREATE TRIGGER limits_stay BEFORE UPDATE ON limits BEGIN SELECT RAISE (ABORT, 'the history of the limits is never changed'); END;
CREATE TRIGGER limits_are_kept BEFORE DELETE ON limits BEGIN SELECT RAISE (ABORT, 'the history of the limits is never deleted'); END;
CREATE TRIGGER handles_stay BEFORE UPDATE ON handles BEGIN SELECT RAISE (ABORT, 'an id belongs to one instance for ever'); END;
CREATE TRIGGER handles_are_kept BEFORE DELETE ON handles BEGIN SELECT RAISE (ABORT, 'an id belongs to one instance for ever'); END;
CREATE TRIGGER instances_are_kept BEFORE DELETE ON instances BEGIN SELECT RAISE (ABORT, 'an instance is never deleted'); END;
CREATE TRIGGER instances_stay_themselves BEFORE UPDATE OF seq, id, tag, principal, provider, account ON instances
WHEN OLD.seq <> NEW.seq OR OLD.id <> NEW.id OR OLD.tag <> NEW.tag OR OLD.principal <> NEW.principal
    OR OLD.provider <> NEW.provider OR OLD.account <> NEW.account
BEGIN SELECT RAISE (ABORT, 'an instance keeps its id, tag, principal, provider and account'); END;

-- An entry follows the last one: in number, in time, in its sums.
CREATE TRIGGER entries_follow BEFORE INSERT ON entries BEGIN
    SELECT RAISE (ABORT, 'an entry must follow the last one in number, in time and in its sums')
    WHERE NOT EXISTS (
        SELECT 1
        FROM (SELECT coalesce(max(seq), 0) AS seq FROM entries) AS top
        LEFT JOIN entries AS last ON last.seq = top.seq
        WHERE NEW.seq = top.seq + 1
            AND NEW.at >= coalesce(last.at, 0)
            AND NEW.held = coalesce(last.held, 0) + CASE NEW.kind WHEN 'hold' THEN NEW.amount ELSE -NEW.amount END
            AND NEW.charged = coalesce(last.charged, 0) + CASE NEW.kind WHEN 'charge' THEN NEW.amount ELSE 0 END
    );
END;
