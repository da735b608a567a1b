-- Whether every role may use a schema.
-- :schema text
-- -> is_public boolean
-- Locks: none.
select has_schema_privilege('public', :schema, 'usage') as is_public
