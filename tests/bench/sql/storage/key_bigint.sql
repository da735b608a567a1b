-- Keys of eight bytes, in the order of their numbers.
create function key_of(number bigint) returns bigint language sql immutable as $$
    select number
$$;
create domain key as bigint;
