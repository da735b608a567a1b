-- The search path that finds the functions of the extension, and nothing before them.
-- -> search_path text
-- Locks: none.
select 'pg_catalog, ' || pg_catalog.quote_ident(n.nspname) || ', pg_temp' as search_path
from pg_catalog.pg_extension as x
join pg_catalog.pg_namespace as n on n.oid = x.extnamespace
where x.extname = 'engine'
