-- The keeper, the end of leases by the boot clock, the owner's freeze, and a trail that is chained by hashes.

-- The one process that outlives every client: whoever's name stands here. It beats; who beats no more is passed over.
CREATE TABLE keeper (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    worker  TEXT    NOT NULL,
    -- Its last beat, in seconds of the monotonic clock of this boot: no change of the time of day makes it old.
    beat    INTEGER NOT NULL,
    version TEXT    NOT NULL,
    -- The version of a newer program that asks it to hand over.
    wanted  TEXT
) STRICT;

-- When a lease ends by the clock that counts from the start of this computer. It ends by whichever clock is earlier.
CREATE TABLE boot_ends (
    instance TEXT    PRIMARY KEY REFERENCES instances (id),
    boot     TEXT    NOT NULL,
    ends     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last row is in force: while the ledger is frozen, no request that costs leaves.
CREATE TABLE freezes (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    frozen INTEGER NOT NULL CHECK (frozen IN (0, 1)),
    why    TEXT    NOT NULL
) STRICT;
CREATE TRIGGER freezes_stay BEFORE UPDATE ON freezes BEGIN SELECT RAISE (ABORT, 'the history of freezes is never changed'); END;
CREATE TRIGGER freezes_are_kept BEFORE DELETE ON freezes BEGIN SELECT RAISE (ABORT, 'the history of freezes is never deleted'); END;

-- Who asked; nothing in lines of the door itself. And the hash of the line with that of the one before it; lines of
-- older programs have none of their own, and are held by the next line that has one.
ALTER TABLE audit ADD COLUMN who TEXT;
ALTER TABLE audit ADD COLUMN hash TEXT;
