-- A database that leads calls to the nodes of their shards by PL/Proxy. Run it as a superuser in an empty database.
create extension if not exists plproxy;
create schema engine_proxy;

-- Where shards are.
create table engine_proxy.place (shard integer primary key, connection text not null);

-- Where environments are: whoever makes one notes it here.
create table engine_proxy.environment (id text primary key, shard integer not null);

create function engine_proxy.of_shard(number integer) returns text language plpgsql stable as $$
declare
    found text;
begin
    select p.connection into found from engine_proxy.place as p where p.shard = number;
    if found is null then
        raise exception 'shard % has no place', number using errcode = '22023',
            detail = 'The table engine_proxy.place has no row for it.', hint = 'Add one.';
    end if;
    return found;
end
$$;

-- The last two characters of an id name its shard; an id of a caller's own is on shard 0.
create function engine_proxy.of_id(id text) returns text language plpgsql stable as $$
declare
    digits constant text := '0123456789abcdefghijklmnopqrstuvwxyz';
begin
    if id is null then
        raise exception 'the call names no id' using errcode = '22004',
            detail = 'Its node is found by the id.', hint = 'Pass it.';
    end if;
    if id !~ '^([a-z]+_)?c[0-9a-z]{24}$' then
        return engine_proxy.of_shard(0);
    end if;
    return engine_proxy.of_shard(
        (position(substr(right(id, 2), 1, 1) in digits) - 1) * 36 + position(right(id, 1) in digits) - 1);
end
$$;

create function engine_proxy.of_environment(name text) returns text language plpgsql stable as $$
declare
    number integer;
begin
    if name = 'default' then
        return engine_proxy.of_shard(0);
    end if;
    select e.shard into number from engine_proxy.environment as e where e.id = name;
    if number is null then
        raise exception 'no shard of environment "%" is known', coalesce(name, '') using errcode = '22023',
            detail = 'The table engine_proxy.environment has no row for it.', hint = 'Name an environment that has one, or add it.';
    end if;
    return engine_proxy.of_shard(number);
end
$$;
