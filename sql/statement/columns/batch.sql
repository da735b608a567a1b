-- Of a batch `b`.
-- -> id text, environment_id text, status text, run_count integer null, item_count integer, failed_count integer,
-- -> next_index integer, is_sealed boolean, parent_run_id text null, resume_parent boolean
b.id, b.environment_id, b.status::text, b.run_count, b.item_count, b.failed_count, b.next_index,
b.sealed_at is not null as is_sealed, b.parent_run_id, b.resume_parent
