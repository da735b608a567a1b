//! The extension's objects in the catalog.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::Database;
use engine_harness::{Cluster, Options, Session, Workspace};

const FUNCTIONS: &str = "pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid \
     and d.deptype = 'e' join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'";

#[tokio::test]
async fn no_function_may_be_called_by_everybody() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let public = format!("{FUNCTIONS} where has_function_privilege('public', p.oid, 'execute')");
    assert_eq!(session.count(&public).await?, 0);
    assert!(session.count(FUNCTIONS).await? >= 13);
    Ok(())
}

#[tokio::test]
async fn every_function_pins_its_search_path_and_says_what_it_is_for() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = format!(
        "select p.proname, coalesce(array_to_string(p.proconfig, ';'), ''), coalesce(obj_description(p.oid), ''), \
                p.prosecdef, p.proisstrict, p.proparallel::text, p.pronargs, p.prokind = 'p', p.prosrc from {FUNCTIONS}"
    );
    for row in session.client.query(&sql, &[]).await? {
        let name: &str = row.get(0);
        // A procedure that commits can do neither; it pins its reads itself.
        let may_commit: bool = row.get(7);
        let pinned = if may_commit {
            ""
        } else {
            "search_path=pg_catalog, pg_temp"
        };
        assert_eq!(row.get::<_, &str>(1), pinned, "{name}");
        assert!(
            row.get::<_, &str>(2).ends_with('.'),
            "{name} has no comment"
        );
        // Its entry makes it act as its owner, and notes the caller, whom no function that is SECURITY DEFINER finds.
        let is_definer: bool = row.get(3);
        let symbol: &str = row.get(8);
        let has_entry = symbol.ends_with("_call");
        assert!(
            !is_definer && has_entry != (may_commit || name == "engine_version"),
            "{name} has no entry"
        );
        assert!(
            !row.get::<_, bool>(4) || row.get::<_, i16>(6) == 0,
            "{name} is strict: NULL would be silent"
        );
        let parallel = if name == "engine_version" { "s" } else { "u" };
        assert_eq!(row.get::<_, &str>(5), parallel, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_functions_comment_is_the_first_sentence_of_its_documentation() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = format!("select p.proname, obj_description(p.oid) from {FUNCTIONS}");
    let api = Workspace::find()?.root().join("engine-ext/src/api");
    let sources = sources(&api)?;
    for row in session.client.query(&sql, &[]).await? {
        let (name, comment): (&str, &str) = (row.get(0), row.get(1));
        let documented = first_sentence(&sources, name)
            .with_context(|| format!("{name} has no documentation"))?;
        assert_eq!(documented, comment, "{name}");
    }
    Ok(())
}

/// All source files below a directory.
fn sources(directory: &Path) -> Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            text.push_str(&sources(&path)?);
        } else {
            text.push_str(&fs::read_to_string(path)?);
        }
    }
    Ok(text)
}

/// The first paragraph of the comment above `fn name`, without its code marks. If its parameters have changed since a
/// release, the name ends in a version number, as in `fn name_0_2`.
fn first_sentence(sources: &str, name: &str) -> Option<String> {
    let plain = sources.find(&format!("fn {name}("));
    let position = plain.or_else(|| sources.find(&format!("fn {name}_0_")))?;
    let before = &sources[..position];
    let lines: Vec<&str> = before
        .lines()
        .rev()
        .skip_while(|line| !line.starts_with("///"))
        .collect();
    let block: Vec<&str> = lines
        .into_iter()
        .take_while(|line| line.starts_with("///"))
        .collect();
    let text: Vec<&str> = block
        .iter()
        .rev()
        .map(|line| line.trim_start_matches('/').trim())
        .collect();
    let paragraph: Vec<&str> = text
        .into_iter()
        .take_while(|line| !line.is_empty())
        .collect();
    Some(paragraph.join(" ").replace('`', ""))
}

#[tokio::test]
async fn every_table_and_view_says_what_it_is_for() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let silent = "pg_class where relnamespace = 'engine'::regnamespace and relkind in ('r', 'v') \
                  and obj_description(oid, 'pg_class') is null";
    assert_eq!(session.count(silent).await?, 0);
    Ok(())
}

#[tokio::test]
async fn hot_tables_have_no_foreign_key_and_no_trigger_and_begin_what_finds_a_run_with_its_shard()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let tied = "pg_constraint where connamespace = 'engine'::regnamespace and contype = 'f'";
    assert_eq!(session.count(tied).await?, 0);
    assert_eq!(session.count("pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace = 'engine'::regnamespace").await?, 0);
    let without_shard = "pg_index i join pg_class c on c.oid = i.indrelid \
         join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
         join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam \
         where c.relnamespace = 'engine'::regnamespace and a.attname <> 'shard' and m.amname = 'btree' \
           and c.relname not in ('environment', 'queue', 'machine', 'worker', 'schedule', 'retention', 'grant', \
                               'quota', 'quota_use', 'quota_return', 'bulk_action', 'shard', 'worker_report', \
                               'minute', 'minute_mark', 'audit_entry') \
           and x.relname <> all (array['queue_item_order', 'queue_item_expiry', 'lane_open', 'release_environment', \
                               'heartbeat_check', 'timer_due', 'trigger_key_expiry', 'parked_expiry', 'stretch_due', \
                               'turn_expiry', 'worker_report_expiry'])";
    // What dequeues and ticks look through for all shards at once begins otherwise.
    assert_eq!(session.count(without_shard).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_dump_brings_every_row_back() -> Result<()> {
    let cluster = Cluster::start(Options::quick()).await?;
    let (old, new) = (cluster.database().await?, "restored");
    let session = Session::open(&old).await?;
    let environment = "select engine_set_environment('dev', 'DEVELOPMENT')";
    session.client.batch_execute(environment).await?;
    let parent = session.executing("parent").await?;
    let sql = "select engine_create_batch(2, parent_run_id => $1, resume_parent => true)";
    session.client.query_one(sql, &[&parent.run_id]).await?;
    let token = session.token().await?;
    session.due_in(60_000).await?;
    let waiting = session.block(&parent.run_id, &[&token]).await?;
    session.suspend(&waiting.held, "why").await?;
    for _ in 0..3 {
        session.trigger("test").await?;
    }
    session
        .trigger_with("'later', delay_until => now() + interval '1 day', idempotency_key => 'k'")
        .await?;
    let held = session.take().await?;
    session
        .complete(&held, serde_json::json!({"ok": true}))
        .await?;
    let held = session.take().await?;
    for call in [
        "select engine_set_environment('prod', requires_version => true)",
        "select engine_register_worker('prod', '1', '[\"other\"]')",
        "select engine_trigger('test', environment_id => 'prod')",
        "select engine_dequeue(environment_id => 'prod')",
        "select engine_set_schedule('s', 'test', '0 9 * * *')",
        "select engine_grant('public', 'tick')",
        "select engine_set_quota('prod', kept_bytes => 1000000)",
        "select engine_report_worker(10, 'w')",
    ] {
        session.client.query(call, &[]).await?;
    }

    let dump = cluster.data().with_file_name("dump.sql");
    let file = fs::File::create(&dump)?;
    run(Command::new(cluster.program("pg_dump"))
        .arg(old.connection_string())
        .stdout(file))?;
    cluster
        .connect()
        .await?
        .batch_execute(&format!("create database {new}"))
        .await?;
    let target = cluster.server().connection_string(new);
    run(Command::new(cluster.program("psql"))
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &target, "-f"])
        .arg(Path::new(&dump))
        .stdout(Stdio::null()))?;

    let restored = Session {
        client: cluster.server().connect(new).await?,
    };
    for table in [
        "environment",
        "run",
        "run_state",
        "snapshot",
        "queue_item",
        "slot",
        "heartbeat",
        "waitpoint",
        "edge",
        "waitpoint_history",
        "checkpoint",
        "batch",
        "batch_item",
        "timer",
        "timer",
        "trigger_key",
        "worker",
        "parked",
        "schedule",
        "turn",
        "worker_report",
        "grant",
        "quota",
        "quota_use",
    ] {
        let rows = format!("engine.{table}");
        assert_eq!(
            restored.count(&rows).await?,
            session.count(&rows).await?,
            "{table}"
        );
    }
    let tick = "pg_proc where proname = 'engine_tick' and has_function_privilege('public', oid, 'execute')";
    assert_eq!(restored.count(tick).await?, 1);
    restored
        .complete(&held, serde_json::json!({"ok": true}))
        .await?;
    assert_eq!(restored.dequeue_many(10).await?.len(), 1);
    restored.check().await
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
