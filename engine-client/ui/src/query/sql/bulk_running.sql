-- How many bulk operations are under way.
select to_jsonb(count(*)) as row
from engine.bulk as b
where b.state = 'RUNNING'
