-- An index on what every transition changes.
create index state_status on state (status, updated_at);
