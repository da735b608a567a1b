-- The version of the catalog that CREATE EXTENSION or ALTER EXTENSION UPDATE left.
-- Locks: none.
select x.extversion
from pg_catalog.pg_extension as x
where x.extname = 'engine'
