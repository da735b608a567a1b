-- Now, in the server's time and in its WAL.
select jsonb_build_object('at', clock_timestamp(), 'position', pg_current_wal_insert_lsn()) as row
