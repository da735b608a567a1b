//! What an operator must be able to do at night, each by a command and by clicks, with the same effect. The table of the manual names
//! the same things.

mod click;
mod command;
mod shop;

use anyhow::{Context, Result, ensure};
use engine_harness::Page;

use self::shop::Shop;

/// The things that the table in the manual names, in its order.
fn table() -> Result<Vec<String>> {
    let page = Page::read("engine-client/README.md")?.text;
    let (_, rest) = page
        .split_once("Twelve things that an operator must be able to do:\n")
        .context("no table")?;
    let rows = rest.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    let names = rows.filter_map(|row| Some(row.split('|').nth(1)?.trim().to_owned()));
    Ok(names.collect())
}

#[tokio::test]
async fn each_of_the_twelve_things_takes_a_command() -> Result<()> {
    let shop = Shop::open().await?;
    let table = table()?;
    ensure!(table.len() == 12, "{table:?}");
    for what in table {
        let done = command::does(&shop, &what).await;
        done.with_context(|| format!("by a command: {what}"))?;
    }
    shop.session.check().await
}

#[tokio::test]
async fn each_of_the_twelve_things_takes_a_few_clicks() -> Result<()> {
    let shop = Shop::open().await?;
    let clicks = click::Clicks::open(&shop).await?;
    for what in table()? {
        let done = clicks.do_it(&shop, &what).await;
        done.with_context(|| format!("by clicks: {what}"))?;
    }
    clicks.close().await?;
    shop.session.check().await
}
