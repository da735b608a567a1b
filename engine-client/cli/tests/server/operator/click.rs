//! By clicks in the dashboard that `engine ui` serves.

use anyhow::{Context, Result, bail, ensure};
use engine_page::Browser;
use tokio::process::Child;

use super::super::follow;
use super::shop::{FAILED, REASON, Shop, WORKER};

/// A browser in front of the dashboard.
pub struct Clicks {
    browser: Browser,
    address: String,
    _served: Child,
}

impl Clicks {
    pub async fn open(shop: &Shop) -> Result<Self> {
        let (served, mut lines) = follow(&shop.database, &["ui", "--listen", "127.0.0.1:0"])?;
        let line = lines.next_line().await?.context("nothing printed")?;
        let address = line.strip_prefix("serving ").context("no address")?;
        Ok(Self {
            browser: Browser::start().await?,
            address: address.trim_end_matches('/').to_owned(),
            _served: served,
        })
    }

    pub async fn close(self) -> Result<()> {
        self.browser.close().await
    }

    async fn at(&self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.address)).await
    }

    async fn shows(&self, words: &[&str]) -> Result<()> {
        for word in words {
            self.browser.shows(word).await?;
        }
        Ok(())
    }

    /// Writes into a field of the page's content.
    async fn write(&self, selector: &str, text: &str) -> Result<()> {
        let field = self.browser.one(&format!("main {selector}")).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses the button of this name for screen readers, and returns once the page is another one.
    async fn press(&self, name: &str) -> Result<()> {
        let button = format!("button[aria-label='{name}']");
        let button = self.browser.one(&button).await?;
        let id = "return document.querySelector('main').dataset.left = 'yes'";
        self.browser.evaluate(id).await?;
        button.click().await?;
        self.browser.one("main:not([data-left])").await?;
        Ok(())
    }

    /// The question before an action on many runs, and its answer.
    async fn confirm(&self, asks: &str, does: &str) -> Result<()> {
        self.browser.press(asks).await?;
        self.write("input[name=reason]", REASON).await?;
        self.browser.press(does).await
    }

    /// Finds a run by its id, in the field at the head of every page.
    async fn find(&self, run: &str) -> Result<()> {
        self.at("/").await?;
        let field = self.browser.one("#find").await?;
        field.send_keys(&format!("{run}\u{e007}")).await?;
        // Only its page says this.
        self.shows(&["Attempt 2"]).await
    }

    /// The sentence at the head of the page has this word.
    async fn says(&self, word: &str) -> Result<()> {
        let sentence = "main .verdict h1, main .verdict h2";
        let sentence = self.browser.one(sentence).await?.text().await?;
        ensure!(sentence.contains(word), "{sentence}");
        Ok(())
    }

    /// Does one of the things.
    pub async fn do_it(&self, shop: &Shop, what: &str) -> Result<()> {
        match what {
            "what failed, and why" => {
                self.at("/").await?;
                self.says("capture_payment").await?;
                self.shows(&["TIMEOUT acquirer"]).await
            }
            "retry those" => {
                self.at("/failures").await?;
                self.confirm(
                    &format!("Replay {FAILED} runs…"),
                    &format!("Replay {FAILED} runs"),
                )
                .await?;
                shop.is_retried().await
            }
            "stop one task" => {
                self.at("/runs?task=flood").await?;
                self.confirm("Cancel…", "Cancel 3 runs").await?;
                shop.is_stopped().await
            }
            "pause, resume, limit a queue" => self.steer(shop).await,
            "see one run's life" => {
                self.find(&shop.waiting).await?;
                self.shows(&["Attempt 1", "merchant-acme"]).await
            }
            "see why it waits" => {
                self.find(&shop.waiting).await?;
                self.says("capture_payment").await
            }
            "cancel with children" => {
                self.find(&shop.waiting).await?;
                self.browser.press("Cancel…").await?;
                self.browser.press("Cancel the run").await?;
                shop.is_cancelled_with_its_children().await
            }
            "dead letters" => {
                self.at("/runs?status=system_failure").await?;
                self.confirm("Redrive…", "Redrive 1 run").await?;
                shop.is_redriven().await
            }
            "schedules" => {
                self.at("/schedules").await?;
                self.shows(&["Europe/Berlin"]).await?;
                self.press("Run now nightly-report").await?;
                self.at("/schedules").await?;
                self.press("Turn off nightly-report").await?;
                shop.has_run_the_report_and_turned_it_off().await
            }
            "who works" => {
                self.at("/workers").await?;
                self.shows(&[WORKER]).await
            }
            "what is slow" => {
                self.at("/").await?;
                self.shows(&["p50", "p99"]).await
            }
            "what we did" => {
                self.at("/bulk").await?;
                self.shows(&["Replay", "Cancel", REASON, "run schedule"])
                    .await
            }
            other => bail!("nobody knows how to do this: {other}"),
        }
    }

    async fn steer(&self, shop: &Shop) -> Result<()> {
        self.at("/queues?queue=payments&of=default").await?;
        self.write("input[name=reason]", REASON).await?;
        self.browser.press("Pause").await?;
        self.shows(&[REASON]).await?;
        shop.is_paused().await?;
        self.browser.press("Resume").await?;
        shop.is_resumed().await?;
        self.write("input[name=limit]", "7").await?;
        self.browser.press("Override").await?;
        shop.is_limited().await
    }
}
