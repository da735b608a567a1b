\echo Use "CREATE EXTENSION engine" to load this file. \quit

-- Everything that this script binds, it binds to pg_catalog: the schema of the functions belongs to a role that need not be
-- a superuser, and a better matching overload there would be called with the rights of every caller.
set local search_path to pg_catalog, pg_temp;

-- Ids, keys and documents are compared and truncated as UTF-8.
do $$
begin
    if pg_catalog.getdatabaseencoding() operator(pg_catalog.<>) 'UTF8' then
        raise exception using
            errcode = 'feature_not_supported',
            message = 'the engine needs a database whose encoding is UTF8',
            detail = pg_catalog.format('This database has encoding %s.', pg_catalog.getdatabaseencoding()),
            hint = 'Create a database with: create database … template template0 encoding ''UTF8''.';
    end if;
end
$$;

-- Tables, types and views live in schema engine; the functions live where the extension is created.
create schema engine;
comment on schema engine is 'Tables, types and views of the run engine; its functions are engine_* in the schema of the extension';
