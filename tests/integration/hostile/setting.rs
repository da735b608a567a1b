//! Settings of a session, each at its worst.

use anyhow::Result;

use super::{Hostile, code};

/// Settings that a role may change, each with its least, its greatest or another value.
const VALUES: &str = "
    select s.name, v.value
    from pg_settings as s
    cross join lateral (
        select case s.setting when 'on' then 'off' else 'on' end as value where s.vartype = 'bool'
        union all
        select e.value from unnest(s.enumvals) as e(value) where s.vartype = 'enum' and e.value <> s.setting
        union all
        select n.value from unnest(array[s.min_val, s.max_val]) as n(value) where s.vartype in ('integer', 'real')
        union all
        select x.value
        from (values ('search_path', ''), ('search_path', 'trap'), ('datestyle', 'German'), ('timezone', 'Pacific/Chatham'),
                     ('default_text_search_config', 'pg_catalog.simple'), ('lc_numeric', 'C'), ('application_name', ''';--'),
                     ('client_encoding', 'LATIN1'), ('timezone_abbreviations', 'India'), ('default_tablespace', 'pg_default'),
                     ('temp_tablespaces', 'pg_default'), ('statement_timeout', '1'), ('lock_timeout', '1')
             ) as x(name, value)
        where lower(s.name) = x.name
    ) as v
    where s.context = 'user' and s.name not in ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
    order by 1, 2";

/// Codes with which a call may end under such a value, having changed nothing: a timeout, a level or a mode that is refused,
/// memory or depth that does not suffice.
const REFUSED: &[&str] = &[
    "57014", "55P03", "RE006", "25006", "25P03", "57P05", "53200", "54001", "53400",
];

#[tokio::test]
async fn a_life_of_a_run_is_the_same_with_every_setting_at_its_worst() -> Result<()> {
    let hostile = Hostile::new().await?;
    let plain = Hostile::life(&hostile.session().await?).await?;
    let values = hostile.owner.client.query(VALUES, &[]).await?;
    let (mut names, mut refused) = (std::collections::BTreeSet::new(), Vec::new());
    for row in &values {
        let (name, value): (&str, &str) = (row.get(0), row.get(1));
        // A session of its own, that starts with it, as with `alter role … set`.
        let session = hostile.session().await?;
        let set = format!(
            "select set_config('{name}', '{}', false)",
            value.replace('\'', "''")
        );
        if !code(&session, &set).await?.is_empty() {
            continue;
        }
        names.insert(name.to_owned());
        // Functions are found in any path.
        let life = super::LIFE.replace("engine_", "public.engine_");
        let code = code(&session, &life).await;
        match code {
            Ok(code) if code.is_empty() => {
                let reset = format!("reset {name}");
                session.client.batch_execute(&reset).await?;
                let said = "select current_setting('hostile.said')";
                let said: String = session.client.query_one(said, &[]).await?.get(0);
                assert_eq!(said, plain, "{name} = {value}");
            }
            Ok(code) => {
                assert!(REFUSED.contains(&code.as_str()), "{name} = {value}: {code}");
                refused.push(format!("{name} = {value}: {code}"));
            }
            // A session that ends itself.
            Err(_) => refused.push(format!("{name} = {value}: ended")),
        }
    }
    println!(
        "{} settings, {} values; refused: {refused:?}",
        names.len(),
        values.len()
    );
    assert!(names.len() >= 60, "{} settings", names.len());
    assert!(refused.len() < 20, "{refused:?}");
    hostile.end().await
}
