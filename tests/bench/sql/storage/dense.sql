-- No room on a page for another version of a row.
alter table state set (fillfactor = 100);
vacuum full state;
