-- Whether any environment is configured.
-- Locks: none. Index: none.
select exists (select from engine.environment)
