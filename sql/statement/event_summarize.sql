-- Summarizes complete ranges of pages at the end of the history, so that readers of events find their rows in the summaries and do not
-- read what was written since the last vacuum. Returns the page behind the last complete range.
-- :first_page bigint: of the first range that may have no summary; 0 if that is unknown: then the last half gigabyte is looked
-- through, and what is before is left to autovacuum
-- -> next_page bigint
-- Locks: the table, SHARE UPDATE EXCLUSIVE, which the caller has taken. Index: snapshot_position, of 32 pages per range.
with size as materialized (
    select pg_relation_size('engine.snapshot') / current_setting('block_size')::bigint / 32 * 32 as next_page
), range as materialized (
    select brin_summarize_range(to_regclass('engine.snapshot_position'), g.page)
    from size as s
    cross join lateral generate_series(
        coalesce(nullif(:first_page, 0), greatest(0, s.next_page - 65536)), s.next_page - 32, 32) as g(page)
)
select s.next_page
from size as s
where (select count(*) from range) >= 0
