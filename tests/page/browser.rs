//! Debian's Chromium without a window, driven through its WebDriver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use engine_harness::condition::eventually;
use engine_harness::{Workspace, package};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::{ParseError, Url};

const DRIVER: &str = "/usr/bin/chromedriver";
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser, which ends with this value.
pub struct Browser {
    client: Client,
    _driver: Child,
    /// Its profile.
    _home: TempDir,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width and height, in pixels.
    pub size: (u32, u32),
    /// Whether the system is dark.
    pub is_dark: bool,
}

impl Look {
    /// A desk.
    pub const WIDE: Self = Self {
        size: (1440, 1000),
        is_dark: false,
    };
    /// A desk at night.
    pub const DARK: Self = Self {
        size: (1440, 1000),
        is_dark: true,
    };
    /// A telephone.
    pub const NARROW: Self = Self {
        size: (390, 844),
        is_dark: false,
    };
}

impl Browser {
    /// Starts a browser. Where Chromium is missing it is installed.
    ///
    /// # Errors
    /// If it cannot be installed, or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(true).await
    }

    /// Starts a browser that executes no scripts of pages.
    ///
    /// # Errors
    /// As [`Browser::start`].
    pub async fn without_scripts() -> Result<Self> {
        Self::start_with(false).await
    }

    async fn start_with(has_scripts: bool) -> Result<Self> {
        install()?;
        let home = TempDir::new()?;
        let mut driver = Command::new(DRIVER)
            .arg("--port=0")
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start chromedriver")?;
        let stdout = driver.stdout.take().context("no output")?;
        let port = timeout(PATIENCE, port(BufReader::new(stdout))).await??;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(home.path(), has_scripts)?)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("Chromium does not start")?;
        let browser = Self {
            client,
            _driver: driver,
            _home: home,
        };
        browser.look(Look::WIDE).await?;
        Ok(browser)
    }

    /// The WebDriver itself.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// If the browser fails.
    pub async fn open(&self, address: &str) -> Result<()> {
        Ok(self.client.goto(address).await?)
    }

    /// Looks at pages in another way from now on.
    ///
    /// # Errors
    /// If the browser fails.
    pub async fn look(&self, look: Look) -> Result<()> {
        let (width, height) = look.size;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        let scheme = if look.is_dark { "dark" } else { "light" };
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.command("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// The text of the page's content.
    ///
    /// # Errors
    /// If there is none.
    pub async fn text(&self) -> Result<String> {
        Ok(self.one("main").await?.text().await?)
    }

    /// The element of a selector, once it is there.
    ///
    /// # Errors
    /// If there is none.
    pub async fn one(&self, selector: &str) -> Result<Element> {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(selector))
            .await;
        found.with_context(|| format!("no element {selector}"))
    }

    /// How many elements match a selector.
    ///
    /// # Errors
    /// If the browser fails.
    pub async fn count(&self, selector: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::Css(selector)).await?.len())
    }

    /// Presses the button or link of this text within the page's content, and returns once the page that it leads to is there.
    ///
    /// # Errors
    /// If there is none, or no page comes.
    pub async fn press(&self, text: &str) -> Result<()> {
        let path = format!("//main//*[self::a or self::button][normalize-space()='{text}']");
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::XPath(&path))
            .await;
        let found = found.with_context(|| format!("nothing says {text}"))?;
        self.evaluate("window.isLeft = true").await?;
        found.click().await?;
        let is_there = "return window.isLeft !== true && document.readyState === 'complete'";
        let what = format!("{text} leads to a page");
        eventually(&what, PATIENCE, async || {
            Ok(self
                .evaluate(is_there)
                .await
                .is_ok_and(|value| value == Value::Bool(true)))
        })
        .await
    }

    /// Returns when the page's content has this text.
    ///
    /// # Errors
    /// If it does not come.
    pub async fn shows(&self, text: &str) -> Result<()> {
        let what = format!("the page shows {text}");
        eventually(&what, PATIENCE, async || {
            Ok(self.text().await.is_ok_and(|shown| shown.contains(text)))
        })
        .await
    }

    /// Evaluates a script in the page.
    ///
    /// # Errors
    /// If it fails.
    pub async fn evaluate(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Writes what is seen to `target/page/<name>.png`.
    ///
    /// # Errors
    /// If the browser fails.
    pub async fn keep(&self, name: &str) -> Result<()> {
        let directory = Workspace::find()?.target().join("page");
        fs::create_dir_all(&directory)?;
        fs::write(
            directory.join(format!("{name}.png")),
            self.client.screenshot().await?,
        )?;
        Ok(())
    }

    /// Sends a command of Chrome's own protocol.
    ///
    /// # Errors
    /// If the browser refuses it.
    pub async fn command(&self, name: &str, parameters: Value) -> Result<Value> {
        let command = OfChrome {
            name: name.to_owned(),
            parameters,
        };
        Ok(self.client.issue_cmd(command).await?)
    }

    /// Ends the browser in order.
    ///
    /// # Errors
    /// If it has ended.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }
}

/// The port that the driver has chosen, as it prints it.
async fn port(stdout: BufReader<tokio::process::ChildStdout>) -> Result<u16> {
    let mut lines = stdout.lines();
    while let Some(line) = lines.next_line().await? {
        let port = line.split_once("started successfully on port ");
        if let Some((_, port)) = port {
            // It goes on printing: its output is read as long as it lives.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
    bail!("chromedriver ended")
}

fn capabilities(home: &Path, has_scripts: bool) -> Result<serde_json::Map<String, Value>> {
    let profile = format!("--user-data-dir={}", home.join("profile").display());
    let mut options = json!({"args": [
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
        // It opens pages of the tests only, and its sandbox does not work for root, as which tests run in a container.
        "--no-sandbox",
        profile,
    ]});
    if !has_scripts {
        options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
    }
    let capabilities = json!({"goog:chromeOptions": options});
    capabilities.as_object().cloned().context("no object")
}

/// Tests that begin together install it once.
fn install() -> Result<()> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock();
    if PathBuf::from(DRIVER).exists() {
        return Ok(());
    }
    package::update()?;
    package::install(&PACKAGES)
}

/// A command of Chrome's own protocol, which its WebDriver passes on.
#[derive(Debug)]
struct OfChrome {
    name: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for OfChrome {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({"cmd": self.name, "params": self.parameters});
        (Method::POST, Some(body.to_string()))
    }
}
