-- The version of the catalog, from CREATE EXTENSION or ALTER EXTENSION UPDATE.
-- -> extversion text
-- Locks: none.
select x.extversion
from pg_catalog.pg_extension as x
where x.extname = 'engine'
