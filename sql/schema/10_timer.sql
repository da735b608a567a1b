-- Actions of the tick that are due at a time.
create table engine.timer (
    shard  smallint not null,
    kind   text not null check (kind in (
               'CANCEL_RUN', 'END_DELAY', 'PROMOTE', 'FINISH_WAITPOINT', 'CONTINUE_RUN', 'COMPLETE_BATCH', 'EXPIRE_BATCH',
               'END_KEEP', 'FIT_LIMITS')),
    id     text collate "C" not null,
    due_at timestamptz not null,
    detail jsonb,
    constraint timer_pkey primary key (shard, kind, id)
);

create index timer_due on engine.timer (due_at);

comment on table engine.timer is 'Actions that are due at a time: at most one of each kind per subject';
comment on column engine.timer.kind is 'The action of the tick: CANCEL_RUN, END_DELAY, …';
comment on column engine.timer.id is 'The run, environment, waitpoint or batch that it is about; for CONTINUE_RUN and COMPLETE_BATCH followed by a slash and the cause, so that concurrent sessions write different rows';
