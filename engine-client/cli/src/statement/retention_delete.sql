-- Deletes a retention policy that was set; says whether it existed.
-- $1 text environment, $2 text task, $3 text queue, $4 text outcome; null for all
select jsonb_build_object('existed', t.existed) as row
from engine_delete_retention(
    environment_id => $1::text, task => $2::text, queue => $3::text, outcome => $4::text) as t(existed)
