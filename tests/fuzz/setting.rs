//! Settings of a session.

use anyhow::Result;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio_postgres::Client;

const OF_POSTGRES: &[&str] = &[
    "timezone = 'Asia/Kathmandu'",
    "timezone = 'Etc/GMT+12'",
    "timezone = 'Pacific/Kiritimati'",
    "datestyle = 'SQL, DMY'",
    "datestyle = 'German'",
    "datestyle = 'Postgres, MDY'",
    "intervalstyle = 'sql_standard'",
    "intervalstyle = 'iso_8601'",
    "extra_float_digits = 3",
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "lock_timeout = '1ms'",
    "lock_timeout = '50ms'",
    "statement_timeout = '1ms'",
    "statement_timeout = '20ms'",
    "statement_timeout = '300ms'",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "search_path = pg_catalog, public",
    "plan_cache_mode = 'force_generic_plan'",
    "plan_cache_mode = 'force_custom_plan'",
    "enable_seqscan = off",
    "enable_indexscan = off",
    "enable_nestloop = off",
    "enable_hashagg = off",
    "jit_above_cost = 0",
    "work_mem = '64kB'",
    "temp_buffers = '800kB'",
    "row_security = off",
    "array_nulls = off",
    "quote_all_identifiers = on",
    "xmlbinary = 'hex'",
    "lc_numeric = 'C'",
    "lc_messages = 'C'",
    "session_replication_role = 'replica'",
    "synchronous_commit = off",
    "debug_assertions_are_no_setting = 1",
];

/// Settings of the engine, at their borders according to the server.
///
/// # Errors
/// If the session is gone.
pub async fn of_engine(client: &Client) -> Result<Vec<String>> {
    let sql = "select format('%s = %L', name, value) from pg_settings, \
                   lateral unnest(array[min_val, max_val, boot_val] || coalesce(enumvals, '{}') \
                                  || case when vartype = 'bool' then array['on', 'off'] else '{}' end) as value \
               where name like 'engine.%' and context in ('user', 'superuser') and value is not null \
                 and name not in ('engine.max_batch') order by 1";
    // The library's settings are there once it is loaded.
    client.batch_execute("select engine_version()").await?;
    let rows = client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Some random settings, none of which was set before.
pub fn random(of_engine: &[String], random: &mut StdRng) -> String {
    let mut sql = "rollback; reset all; set statement_timeout = '2s'".to_owned();
    for _ in 0..random.random_range(0..3) {
        let setting = OF_POSTGRES.choose(random).copied().unwrap_or_default();
        sql.push_str(&format!("; set {setting}"));
    }
    if random.random_bool(0.2) {
        sql.push_str("; set engine.actor = 'anna'");
    }
    if random.random_bool(0.15) {
        let setting = of_engine.choose(random).map(String::as_str);
        sql.push_str(&format!("; set {}", setting.unwrap_or("timezone = 'UTC'")));
    }
    sql
}
