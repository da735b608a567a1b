-- How far the clock of the database is ahead.
-- -> ahead_us bigint
-- Locks: none.
select c.last_value as ahead_us
from engine.test_clock as c
