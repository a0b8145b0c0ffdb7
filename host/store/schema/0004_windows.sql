-- Money has a time. A charge says which seconds it pays for, and its sums are kept by cells of time, so that a window is
-- a few look-ups however long the ledger. The database itself sums: a program that does not know of windows cannot leave
-- a charge out. A charge without a time, as older programs write it, counts at once when it was made.
ALTER TABLE entries ADD COLUMN paid_from INTEGER;
ALTER TABLE entries ADD COLUMN paid_until INTEGER;
-- What of it counts at `paid_from`, because it is never given back.
ALTER TABLE entries ADD COLUMN paid_at_once INTEGER;

-- The same rule as before. SQLite looked through all entries for the last one where its number stood inside an expression.
DROP TRIGGER entries_follow;
CREATE TRIGGER entries_follow BEFORE INSERT ON entries BEGIN
    SELECT RAISE (ABORT, 'an entry must follow the last one in number, in time and in its sums')
    WHERE NOT EXISTS (
        SELECT 1
        FROM (SELECT 1)
        LEFT JOIN (SELECT seq, at, held, charged FROM entries ORDER BY seq DESC LIMIT 1) AS last
        WHERE NEW.seq = coalesce(last.seq, 0) + 1
            AND NEW.at >= coalesce(last.at, 0)
            AND NEW.held = coalesce(last.held, 0) + CASE NEW.kind WHEN 'hold' THEN NEW.amount ELSE -NEW.amount END
            AND NEW.charged = coalesce(last.charged, 0) + CASE NEW.kind WHEN 'charge' THEN NEW.amount ELSE 0 END
    );
END;

-- When the newest orders were made, however many entries lie between them.
CREATE INDEX orders ON entries (seq) WHERE kind = 'hold' AND reason = '{"reason":"reserved"}';

-- Folded from `charge_points`; what `bursar doctor` compares. `slope` sums all changes of speed in the cell, `moment` the
-- same times their distance from its start, `lump` what counts at once.
CREATE TABLE spent (
    scope  TEXT    NOT NULL,
    size   INTEGER NOT NULL,
    cell   INTEGER NOT NULL,
    slope  INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    lump   INTEGER NOT NULL,
    PRIMARY KEY (scope, size, cell)
) STRICT, WITHOUT ROWID;

-- What is charged to one provider, one principal, or at all.
CREATE TABLE charged (
    scope TEXT    PRIMARY KEY,
    usd   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each charge in each of its scopes. More than a million dollars count at once, so that no product leaves the range.
CREATE VIEW charges AS
SELECT e.seq, s.scope, e.amount, e.begins, max(e.ends - e.begins, 1) AS secs, e.at_once
FROM (
    SELECT seq, instance, amount, coalesce(paid_from, at) AS begins, coalesce(paid_until, at) AS ends,
        CASE WHEN paid_from IS NULL OR amount > 1000000000000 THEN amount
             ELSE min(coalesce(paid_at_once, 0), amount) END AS at_once
    FROM entries WHERE kind = 'charge' AND amount > 0
) AS e
JOIN (
    SELECT id, 'all' AS scope FROM instances
    UNION ALL SELECT id, 'provider.' || provider FROM instances
    UNION ALL SELECT id, 'principal.' || principal FROM instances
) AS s ON s.id = e.instance;

-- Where the speed of spending changes. Of an amount that its seconds do not divide, the first ones take one more.
CREATE VIEW charge_points AS
SELECT seq, scope, begins AS at, (amount - at_once) / secs + ((amount - at_once) % secs > 0) AS slope, at_once AS lump
FROM charges
UNION ALL
SELECT seq, scope, begins + (amount - at_once) % secs, -1, 0 FROM charges WHERE (amount - at_once) % secs > 0
UNION ALL
SELECT seq, scope, begins + secs, -((amount - at_once) / secs), 0 FROM charges WHERE (amount - at_once) / secs > 0;

CREATE TRIGGER charges_are_summed AFTER INSERT ON entries WHEN NEW.kind = 'charge' AND NEW.amount > 0 BEGIN
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

-- What was charged before.
INSERT INTO charged (scope, usd) SELECT scope, sum(amount) FROM charges GROUP BY scope;
INSERT INTO spent (scope, size, cell, slope, moment, lump)
SELECT p.scope, z.size, p.at - p.at % z.size, sum(p.slope), sum(p.slope * (p.at % z.size)), sum(p.lump)
FROM charge_points AS p
CROSS JOIN (SELECT 4 AS size UNION ALL SELECT 16 UNION ALL SELECT 64 UNION ALL SELECT 256 UNION ALL SELECT 1024
            UNION ALL SELECT 4096 UNION ALL SELECT 16384) AS z
GROUP BY p.scope, z.size, p.at - p.at % z.size;
