//! SQL in every text.

use anyhow::Result;

use super::{Hostile, code};

/// Texts that would run, or change a statement, if any were pasted into one.
const TEXTS: &[&str] = &[
    "'; select nextval('trap.canary'); --",
    "' || nextval('trap.canary') || '",
    "$$; select nextval('trap.canary'); $$",
    "\\'; select nextval(\\'trap.canary\\'); --",
    "%I %L %s %1$s {0} ${1} :run_id $1",
    "\"; select nextval('trap.canary'); --",
    "{\"a\": \"'; select nextval('trap.canary'); --\"}",
    "\u{2019}; select nextval(\u{2019}trap.canary\u{2019}); --",
];

/// Calls with a text for each text and document.
const CALLS: &str = "
    select format('select %s(%s)', p.oid::regproc, string_agg(format('%I => %s', a.name,
               case when a.type = 'text'::regtype then quote_literal($1)
                    when a.type = 'text[]'::regtype then format('array[%L]', $1)
                    when a.type = 'jsonb'::regtype and a.name in ('runs', 'completions') then format('%L::jsonb', jsonb_build_array(
                         jsonb_build_object('task', $1, 'queue', $1, 'run_id', $1, 'tags', array[$1], 'payload', $1, 'snapshot_id', $1, 'ok', true)))
                    when a.type = 'jsonb'::regtype then format('%L::jsonb', jsonb_build_object('task', $1, 'tag', $1, 'message', $1))
                    when a.type = 'timestamptz'::regtype then 'now() + interval ''1 hour'''
                    when a.type = 'interval'::regtype then '''1 day'''
                    when a.type = 'boolean'::regtype then 'true'
                    when a.type = 'integer[]'::regtype then '''{0}'''
                    else '1' end), ', '))
    from pg_proc as p
    cross join lateral unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) as a(name, type)
    where p.proname like 'engine\\_%' and p.prokind = 'f' and a.name = any ($2)
    group by p.oid";

#[tokio::test]
async fn no_text_is_ever_part_of_a_statement() -> Result<()> {
    let hostile = Hostile::new().await?;
    let owner = &hostile.owner;
    owner
        .client
        .batch_execute("create sequence trap.canary; grant all on sequence trap.canary to public")
        .await?;
    let names = "select array_agg(distinct a.name) \
                 from pg_proc as p cross join lateral unnest(p.proargnames[:p.pronargs]) as a(name) \
                 where p.proname like 'engine\\_%'";
    let names: Vec<String> = owner.client.query_one(names, &[]).await?.get(0);
    let tables = "pg_class where relnamespace = 'engine'::regnamespace";
    let before = owner.count(tables).await?;
    let mut called = 0;
    for text in TEXTS {
        // All parameters at once, and those that calls need alone, so that they get further.
        let few = names.iter().filter(|name| {
            ![
                "environment_id",
                "type",
                "ttl",
                "machine",
                "batch_id",
                "parent_run_id",
                "debounce",
            ]
            .contains(&name.as_str())
        });
        for names in [names.clone(), few.cloned().collect()] {
            for row in owner.client.query(CALLS, &[text, &names]).await? {
                let call: &str = row.get(0);
                let rolled_back = format!("begin; {call}; rollback");
                let code = code(owner, &rolled_back).await?;
                assert!(
                    !["42601", "XX000", "42703", "42P01"].contains(&code.as_str()),
                    "{call}: {code}"
                );
                owner.client.batch_execute("rollback").await?;
                called += 1;
            }
        }
    }
    assert!(called > 500, "{called}");
    let canary = "select is_called from trap.canary";
    let row = owner.client.query_one(canary, &[]).await?;
    assert!(!row.get::<_, bool>(0));
    assert_eq!(owner.count(tables).await?, before);
    hostile.end().await
}
