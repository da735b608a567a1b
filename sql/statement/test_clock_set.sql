-- Moves the clock of the database ahead of the system's, for every session at once.
-- :ahead_us bigint: microseconds
-- -> ahead_us bigint
-- Locks: none.
select setval('engine.test_clock', :ahead_us) as ahead_us
