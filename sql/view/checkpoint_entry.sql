-- A checkpoint as callers see it.
create view engine.checkpoint_entry as
select k.shard,
       k.id,
       jsonb_strip_nulls(jsonb_build_object(
           'id', k.id,
           'friendlyId', 'checkpoint_' || k.id,
           'type', k.type,
           'location', k.location,
           'imageRef', k.image_ref,
           'reason', k.reason)) as entry
from engine.checkpoint as k;

comment on view engine.checkpoint_entry is 'Checkpoints as callers see them';
