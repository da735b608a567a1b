//! The dashboard is safe to expose.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use engine_page::http::send;
use engine_page::{Browser, SHOP, Stage};
use engine_ui::{Options, Proxy};
use serde_json::json;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_stolen_form_is_refused_and_changes_nothing() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let page = send("GET", &stage.at("/queues"), &[], "").await?;
    let (browser, token) = (
        page.cookie("engine_browser").context("no cookie")?,
        page.token().context("no token")?,
    );
    let other = send("GET", &stage.at("/queues"), &[], "").await?;
    let foreign = other.token().context("no token")?;
    let cookie = format!("engine_browser={browser}");
    let pause =
        |token: &str| format!("token={token}&queue=payments&of=default&paused=true&back=%2Fqueues");
    let cookie = ("Cookie", cookie.as_str());
    let is_paused = "select q.is_paused from engine.queue as q where q.name = 'payments'";
    for (what, headers, body) in [
        ("no token", vec![FORM, cookie], pause("")),
        (
            "the token of another browser",
            vec![FORM, cookie],
            pause(foreign),
        ),
        ("no cookie", vec![FORM], pause(token)),
        (
            "another site",
            vec![FORM, cookie, ("Sec-Fetch-Site", "cross-site")],
            pause(token),
        ),
        (
            "another origin",
            vec![FORM, cookie, ("Origin", "https://evil.example")],
            pause(token),
        ),
    ] {
        let answer = send("POST", &stage.at("/act/queue/pause"), &headers, &body).await?;
        ensure!(answer.status == 403, "{what}: {answer:?}");
        ensure!(!stage.value::<bool>(is_paused).await?, "{what}");
    }
    let answer = send(
        "GET",
        &stage.at(&format!("/act/queue/pause?{}", pause(token))),
        &[cookie],
        "",
    )
    .await?;
    ensure!(answer.status == 405, "{answer:?}");
    let answer = send(
        "POST",
        &stage.at("/act/queue/pause"),
        &[FORM, cookie],
        &pause(token),
    )
    .await?;
    ensure!(
        answer.status == 303 && answer.head.contains("location: /queues"),
        "{answer:?}"
    );
    ensure!(stage.value::<bool>(is_paused).await?);
    let away = pause(token).replace("%2Fqueues", "%2F%2Fevil.example");
    let answer = send(
        "POST",
        &stage.at("/act/queue/pause"),
        &[FORM, cookie],
        &away,
    )
    .await?;
    ensure!(answer.head.contains("location: /\r\n"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn pages_are_stored_nowhere_and_load_nothing_foreign() -> Result<()> {
    let stage = Stage::set("").await?;
    for path in ["/", "/runs", "/nothing", "/runs/run_unknown"] {
        let answer = send("GET", &stage.at(path), &[], "").await?;
        for part in [
            "cache-control: no-store",
            "default-src 'none'",
            "frame-ancestors 'none'",
            "nosniff",
        ] {
            ensure!(
                answer.head.contains(part),
                "{path} has no {part}: {}",
                answer.head
            );
        }
        ensure!(
            !answer.body.contains(" style=") && !answer.body.contains("://"),
            "{path}: {}",
            answer.body
        );
        ensure!(
            path.starts_with("/nothing") || path.ends_with("unknown") || answer.status == 200,
            "{answer:?}"
        );
    }
    // A name that another site gave to this address.
    let answer = send("GET", &stage.at("/"), &[("Host", "evil.example")], "").await?;
    ensure!(answer.status == 421, "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_reader_sees_no_buttons_and_no_payload_and_a_user_without_a_role_sees_nothing()
-> Result<()> {
    let role = format!("page_reader_{}", std::process::id());
    let roles = BTreeMap::from([
        ("jo".to_owned(), role.clone()),
        ("mira".to_owned(), "postgres".to_owned()),
        ("gone".to_owned(), "page_no_such_role".to_owned()),
    ]);
    let proxy = Proxy {
        header: "X-User".to_owned(),
        roles,
        from: vec!["127.0.0.1".parse()?],
    };
    let options = Options {
        proxy: Some(proxy),
        ..Options::default()
    };
    let stage = Stage::set_with(SHOP, options).await?;
    let grant = format!("create role {role}; select engine_grant('{role}', 'read')");
    stage.session.client.batch_execute(&grant).await?;
    let failed = stage.run("o.run_status = 'COMPLETED_WITH_ERRORS'").await?;

    let browser = Browser::start().await?;
    browser.command("Network.enable", json!({})).await?;
    let headers = json!({"headers": {"X-User": "jo"}});
    browser
        .command("Network.setExtraHTTPHeaders", headers)
        .await?;
    let run = format!("/runs/{failed}");
    for path in [
        "/",
        "/runs",
        "/runs?task=capture_payment",
        &run,
        "/queues?queue=payments&of=default",
        "/failures",
        "/schedules",
        "/workers",
        "/bulk",
        "/events",
    ] {
        browser.open(&stage.at(path)).await?;
        let (shown, foot) = (
            browser.text().await?,
            browser.one("footer").await?.text().await?,
        );
        ensure!(
            foot.contains(&format!("role {role}, read-only")),
            "{path}: {foot}\n{shown}"
        );
        ensure!(
            browser
                .count("main form[method=post], main .danger, main a[href*='/bulk/new']")
                .await?
                == 0,
            "{path} has buttons: {shown}"
        );
    }
    browser.open(&stage.at(&run)).await?;
    browser
        .shows("payload hidden: the role may not select engine.run.payload")
        .await?;
    browser.keep("run-reader").await?;
    browser.close().await?;

    for (what, headers) in [
        ("no user", vec![]),
        ("a user without a role", vec![("X-User", "nemo")]),
    ] {
        let answer = send("GET", &stage.at("/"), &headers, "").await?;
        ensure!(
            answer.status == 403 && !answer.body.contains("payments"),
            "{what}: {answer:?}"
        );
    }
    // A user whose role is gone leaves no connection behind that others cannot use.
    for _ in 0..3 {
        let answer = send("GET", &stage.at("/"), &[("X-User", "gone")], "").await?;
        ensure!(answer.status == 409, "{answer:?}");
        let answer = send("GET", &stage.at("/"), &[("X-User", "mira")], "").await?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    let page = send("GET", &stage.at("/queues"), &[("X-User", "mira")], "").await?;
    ensure!(page.body.contains("role postgres") && page.token().is_some());
    // The token of another's page does not help a reader: the database refuses.
    let cookie = format!(
        "engine_browser={}",
        page.cookie("engine_browser").context("no cookie")?
    );
    let body = format!(
        "token={}&queue=payments&of=default&paused=true",
        page.token().context("no token")?
    );
    let headers = [FORM, ("Cookie", cookie.as_str()), ("X-User", "jo")];
    let answer = send("POST", &stage.at("/act/queue/pause"), &headers, &body).await?;
    ensure!(
        answer.status == 403 && answer.body.contains("42501"),
        "{answer:?}"
    );
    // The audit knows the user, and not the role alone.
    let headers = [FORM, ("Cookie", cookie.as_str()), ("X-User", "mira")];
    let answer = send("POST", &stage.at("/act/queue/pause"), &headers, &body).await?;
    ensure!(answer.status == 303, "{answer:?}");
    let actors =
        "select string_agg(actor || ' as ' || role || ': ' || action, ', ') from engine.audit";
    let actors: String = stage.value(actors).await?;
    ensure!(actors == "mira as postgres: engine_set_queue", "{actors}");
    let drop = format!("drop owned by {role}; drop role {role}");
    Ok(stage.session.client.batch_execute(&drop).await?)
}

#[tokio::test]
async fn hidden_keys_are_taken_out_before_there_is_html() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let failed = stage
        .run("o.run_status = 'COMPLETED_WITH_ERRORS' and o.task = 'capture_payment'")
        .await?;
    for path in [
        format!("/runs/{failed}"),
        "/failures".to_owned(),
        "/".to_owned(),
        "/runs".to_owned(),
    ] {
        let answer = send("GET", &stage.at(&path), &[], "").await?;
        ensure!(answer.status == 200, "{answer:?}");
        for secret in ["tok_0123456789", "jo@example.org"] {
            ensure!(!answer.body.contains(secret), "{path} shows {secret}");
        }
        let is_of_run = path.starts_with("/runs/");
        ensure!(
            !is_of_run || answer.body.contains("redacted, 14 characters"),
            "{path} does not say that something is hidden"
        );
    }
    Ok(())
}

#[tokio::test]
async fn pages_below_a_prefix_lead_below_it() -> Result<()> {
    let options = Options {
        path_prefix: "/engine".to_owned(),
        ..Options::default()
    };
    let stage = Stage::set_with(SHOP, options).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/engine/queues")).await?;
    browser
        .one("button[aria-label='Pause payments']")
        .await?
        .click()
        .await?;
    browser.one("button[aria-label='Resume payments']").await?;
    let links = browser.evaluate("return [...document.links].map(a => new URL(a.href).pathname).filter(p => !p.startsWith('/engine'))").await?;
    ensure!(links == json!([]), "{links}");
    browser.close().await
}
