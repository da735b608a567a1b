-- Whether somebody has set an environment.
-- Locks: none. Index: none.
select exists (select from engine.environment)
