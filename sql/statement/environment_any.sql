-- Whether any environment is configured.
-- -> exists boolean
-- Locks: none. Index: none.
select exists (select from engine.environment)
