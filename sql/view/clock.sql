-- The time by which the engine goes, in one row: the system's, or that of tests, where they may move it.
create view engine.clock as
select clock_timestamp() + case
           when coalesce(nullif(current_setting('engine.allow_test_clock', true), ''), 'off')::boolean
               then (select c.last_value from engine.test_clock as c) * interval '1 microsecond'
           else interval '0'
       end as now;

comment on view engine.clock is 'The time by which the engine goes, in one row';
