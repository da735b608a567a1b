//! The command line on a terminal: colours, bars, questions, a screen of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use engine_harness::{Database, Session};
use nix::pty::{Winsize, openpty};
use tokio::process::{Child, Command};

use super::command;

const PATIENCE: Duration = Duration::from_secs(20);

/// A program, and the terminal that it runs on.
struct Terminal {
    child: Child,
    keys: File,
    printed: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn start(mut command: Command) -> Result<Self> {
        let size = Winsize {
            ws_row: 24,
            ws_col: 160,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None)?;
        let child = command
            .stdin(Stdio::from(pair.slave.try_clone()?))
            .stdout(Stdio::from(pair.slave.try_clone()?))
            .stderr(Stdio::from(pair.slave))
            .spawn()?;
        // It holds the terminal open while it lives.
        drop(command);
        let keys = File::from(pair.master);
        let mut screen = keys.try_clone()?;
        let (sender, printed) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end of the last program on it is an error of the terminal.
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            keys,
            printed,
            seen: String::new(),
        })
    }

    /// Waits until the program has printed `text`.
    fn sees(&mut self, text: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.printed.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => bail!("\"{text}\" is not printed: {}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("it ended without \"{text}\": {}", self.seen)
                }
            }
        }
        Ok(())
    }

    fn press(&mut self, keys: &str) -> Result<()> {
        Ok(self.keys.write_all(keys.as_bytes())?)
    }

    /// Waits until the program has ended; returns its exit code and its output.
    async fn end(mut self) -> Result<(Option<i32>, String)> {
        let code = tokio::time::timeout(PATIENCE, self.child.wait())
            .await??
            .code();
        let printed: Vec<u8> = self.printed.iter().flatten().collect();
        self.seen.push_str(&String::from_utf8_lossy(&printed));
        Ok((code, self.seen))
    }
}

#[tokio::test]
async fn colours_are_for_terminals_and_on_request() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("t").await?;
    session.all_events(0).await?;
    for arguments in [
        &["queues"][..],
        &["runs", "list"],
        &["tail", "--after", "0", "--no-follow"],
    ] {
        let (code, text) = Terminal::start(command(&database, arguments))?
            .end()
            .await?;
        assert_eq!(code, Some(0));
        assert!(
            text.contains("\u{1b}["),
            "{arguments:?} has no colours: {text}"
        );
        let mut plain = command(&database, arguments);
        plain.env("NO_COLOR", "1");
        let (_, text) = Terminal::start(plain)?.end().await?;
        assert!(
            !text.contains('\u{1b}'),
            "{arguments:?} has colours: {text}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn json_has_no_colours_on_a_terminal_either() -> Result<()> {
    let database = Database::fresh().await?;
    Session::open(&database).await?.trigger("t").await?;
    for arguments in [
        &["queues"][..],
        &["runs", "list"],
        &["top", "--once"],
        &["doctor"],
        &["check"],
    ] {
        let arguments = [arguments, &["--json"]].concat();
        let (_, text) = Terminal::start(command(&database, &arguments))?
            .end()
            .await?;
        let _: serde_json::Value = serde_json::from_str(&text)?;
    }
    Ok(())
}

#[tokio::test]
async fn top_has_a_screen_of_its_own_until_it_ends() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'t', queue => 'mail'").await?;
    let mut top = Terminal::start(command(&database, &["top", "--interval", "1"]))?;
    top.sees("\u{1b}[?1049h")?;
    top.sees("1 queued")?;
    top.sees("mail")?;
    session.trigger_with("'t', queue => 'mail'").await?;
    top.sees("2 queued")?;
    top.press("q")?;
    let (code, text) = top.end().await?;
    assert_eq!(code, Some(0));
    assert!(text.ends_with("\u{1b}[?1049l"), "{text:?}");
    Ok(())
}

#[tokio::test]
async fn a_bulk_action_asks_first_and_shows_how_far_it_is() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let fill = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 't')) from generate_series(1, 200)))";
    session.client.query(fill, &[]).await?;
    let cancel = ["runs", "cancel", "--task", "t"];
    let mut refused = Terminal::start(command(&database, &cancel))?;
    refused.sees("cancel 200 runs? [y/N] ")?;
    refused.press("n\n")?;
    let (code, text) = refused.end().await?;
    assert_eq!(code, Some(1));
    assert!(text.contains("nothing was done"), "{text}");
    assert_eq!(session.count("engine.queue_item").await?, 200);
    let mut meant = Terminal::start(command(&database, &cancel))?;
    meant.sees("cancel 200 runs? [y/N] ")?;
    meant.press("y\n")?;
    let (code, text) = meant.end().await?;
    assert_eq!(code, Some(0));
    assert!(text.contains("/200"), "no bar: {text:?}");
    assert!(text.contains("cancelled 200 runs"), "{text}");
    assert_eq!(session.count("engine.queue_item").await?, 0);
    Ok(())
}
