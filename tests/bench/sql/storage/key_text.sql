-- Keys as the engine has them: 25 characters, in the order of their numbers.
create function key_of(number bigint) returns text language sql immutable as $$
    select 'cmf000000' || lpad(to_hex(number), 16, '0')
$$;
create domain key as text collate "C";
