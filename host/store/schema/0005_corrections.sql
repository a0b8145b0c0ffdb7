-- What things really cost: corrections, what accounts showed, and complaints. Lists by place; spending of one session.

-- A correction is an entry of its own, and may be below zero. SQLite changes no CHECK, so the table is written anew; every
-- row is kept as it is, in its order.
DROP TRIGGER entries_stay;
DROP TRIGGER entries_are_kept;
DROP TRIGGER entries_follow;
DROP TRIGGER charges_are_summed;
DROP VIEW charge_points;
DROP VIEW charges;
CREATE TABLE entries_again (
    seq          INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    instance     TEXT    NOT NULL REFERENCES instances (id),
    kind         TEXT    NOT NULL CHECK (kind IN ('hold', 'charge', 'release', 'correction')),
    amount       INTEGER NOT NULL CHECK (amount >= 0 OR kind = 'correction'),
    reason       TEXT    NOT NULL CHECK (json_valid(reason)),
    held         INTEGER NOT NULL CHECK (held >= 0),
    charged      INTEGER NOT NULL CHECK (charged >= 0),
    paid_from    INTEGER,
    paid_until   INTEGER,
    paid_at_once INTEGER
) STRICT;
INSERT INTO entries_again
SELECT seq, at, instance, kind, amount, reason, held, charged, paid_from, paid_until, paid_at_once FROM entries ORDER BY seq;
DROP TABLE entries;
ALTER TABLE entries_again RENAME TO entries;
CREATE INDEX entries_of ON entries (instance, seq);
CREATE INDEX orders ON entries (seq) WHERE kind = 'hold' AND reason = '{"reason":"reserved"}';

CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE (ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries BEGIN SELECT RAISE (ABORT, 'an entry is never deleted'); END;
CREATE TRIGGER entries_follow BEFORE INSERT ON entries BEGIN
    SELECT RAISE (ABORT, 'an entry must follow the last one in number, in time and in its sums')
    WHERE NOT EXISTS (
        SELECT 1
        FROM (SELECT 1)
        LEFT JOIN (SELECT seq, at, held, charged FROM entries ORDER BY seq DESC LIMIT 1) AS last
        WHERE NEW.seq = coalesce(last.seq, 0) + 1
            AND NEW.at >= coalesce(last.at, 0)
            AND NEW.held = coalesce(last.held, 0)
                + CASE NEW.kind WHEN 'hold' THEN NEW.amount WHEN 'correction' THEN 0 ELSE -NEW.amount END
            AND NEW.charged = coalesce(last.charged, 0)
                + CASE WHEN NEW.kind IN ('charge', 'correction') THEN NEW.amount ELSE 0 END
    );
END;

-- Each charge and correction in each of its scopes. A correction has no time of its own: it counts when it is learned.
CREATE VIEW charges AS
SELECT e.seq, s.scope, e.amount, e.begins, max(e.ends - e.begins, 1) AS secs, e.at_once
FROM (
    SELECT seq, instance, amount, coalesce(paid_from, at) AS begins, coalesce(paid_until, at) AS ends,
        CASE WHEN paid_from IS NULL OR amount > 1000000000000 THEN amount
             ELSE min(coalesce(paid_at_once, 0), amount) END AS at_once
    FROM entries WHERE kind IN ('charge', 'correction') AND amount <> 0
) AS e
JOIN (
    SELECT id, 'all' AS scope FROM instances
    UNION ALL SELECT id, 'provider.' || provider FROM instances
    UNION ALL SELECT id, 'principal.' || principal FROM instances
) AS s ON s.id = e.instance;

-- What is given back lowers totals and no window: it must not be spent twice within one. It is there, as nothing, for whoever
-- follows what changed.
CREATE VIEW charge_points AS
SELECT seq, scope, begins AS at, (amount - at_once) / secs + ((amount - at_once) % secs > 0) AS slope, at_once AS lump
FROM charges WHERE amount > 0
UNION ALL
SELECT seq, scope, begins + (amount - at_once) % secs, -1, 0 FROM charges WHERE amount > 0 AND (amount - at_once) % secs > 0
UNION ALL
SELECT seq, scope, begins + secs, -((amount - at_once) / secs), 0 FROM charges
WHERE amount > 0 AND (amount - at_once) / secs > 0
UNION ALL
SELECT seq, scope, begins, 0, 0 FROM charges WHERE amount < 0;

CREATE TRIGGER charges_are_summed AFTER INSERT ON entries WHEN NEW.kind IN ('charge', 'correction') AND NEW.amount <> 0 BEGIN
    INSERT INTO charged (scope, usd)
    SELECT scope, amount FROM charges WHERE seq = NEW.seq
    ON CONFLICT (scope) DO UPDATE SET usd = usd + excluded.usd;
    INSERT INTO spent (scope, size, cell, slope, moment, lump)
    SELECT p.scope, z.size, p.at - p.at % z.size, p.slope, p.slope * (p.at % z.size), p.lump
    FROM charge_points AS p
    CROSS JOIN (SELECT 4 AS size UNION ALL SELECT 16 UNION ALL SELECT 64 UNION ALL SELECT 256 UNION ALL SELECT 1024
                UNION ALL SELECT 4096 UNION ALL SELECT 16384) AS z
    WHERE p.seq = NEW.seq
    ON CONFLICT (scope, size, cell) DO UPDATE
    SET slope = slope + excluded.slope, moment = moment + excluded.moment, lump = lump + excluded.lump;
END;

-- What an account showed last, and where the ledger ended then: the next look is held against it.
CREATE TABLE marks (
    provider TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    -- Who looks now has until then.
    busy     INTEGER NOT NULL DEFAULT 0,
    doc      TEXT    NOT NULL CHECK (json_valid(doc)),
    PRIMARY KEY (provider, account)
) STRICT, WITHOUT ROWID;

-- What an account took beyond its quotes. After a `stop` nothing more is made there until the owner has `looked`.
CREATE TABLE complaints (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    provider TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    what     TEXT    NOT NULL CHECK (what IN ('stop', 'warn', 'looked')),
    text     TEXT    NOT NULL
) STRICT;
CREATE TRIGGER complaints_stay BEFORE UPDATE ON complaints BEGIN SELECT RAISE (ABORT, 'a complaint is never changed'); END;
CREATE TRIGGER complaints_are_kept BEFORE DELETE ON complaints BEGIN SELECT RAISE (ABORT, 'a complaint is never deleted'); END;

-- Which process reserved it.
ALTER TABLE instances ADD COLUMN session TEXT;
CREATE INDEX sessions ON instances (session, held, charged) WHERE session IS NOT NULL;

-- Lists go on from a place, and what is open is counted by account, without opening a document.
CREATE INDEX ended_instances ON instances (seq) WHERE is_open = 0;
CREATE INDEX open_by_account ON instances (
    provider, account,
    CASE WHEN json_extract(doc, '$.price.billing.prepaid') IS 1 THEN 'block'
         WHEN json_extract(doc, '$.sightings.self_ends') IS NOT NULL THEN 'self' ELSE 'none' END
) WHERE is_open = 1;
