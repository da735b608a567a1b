-- How far tests have moved the clock of this database ahead of the system's, microseconds. A sequence, because a clock belongs to
-- no transaction: every session sees it at once, and nothing rolls it back. It is read only where engine.allow_test_clock is on.
create sequence engine.test_clock minvalue 0 start 0;
comment on sequence engine.test_clock is 'How far tests have moved the clock of this database ahead, microseconds';
