//! A separate screen of the terminal, and its keys.

use std::io::{self, IsTerminal, Stdout, Write, stdin, stdout};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};
use tokio::task::spawn_blocking;

/// Longest delay of a key, and of stopping this process.
const PATIENCE: Duration = Duration::from_millis(100);

/// The user's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To update the view.
    Look,
    /// To leave.
    Leave,
}

/// The screen; the terminal is restored when this is dropped.
pub struct Screen {
    terminal: Stdout,
}

impl Screen {
    /// Whether there is a terminal to draw on and to read keys from.
    pub fn is_possible() -> bool {
        stdin().is_terminal() && stdout().is_terminal()
    }

    /// Opens it.
    pub fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let mut screen = Self { terminal: stdout() };
        execute!(screen.terminal, EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Draws as many lines as fit, truncated to the width.
    pub fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let (columns, rows) = size()?;
        let foot = "q to leave, any other key to update";
        let room = usize::from(rows.saturating_sub(1));
        let shown = lines.iter().map(String::as_str).take(room);
        let foot = console::style(foot).dim().to_string();
        for (row, line) in (0..).zip(shown.chain([foot.as_str()])) {
            let line = console::truncate_str(line, usize::from(columns), "…");
            queue!(self.terminal, MoveTo(0, row), Clear(ClearType::CurrentLine))?;
            write!(self.terminal, "{line}")?;
        }
        queue!(self.terminal, Clear(ClearType::FromCursorDown))?;
        self.terminal.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal is gone, there is no one to report to.
        let _ = execute!(self.terminal, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Waits for a key, at most for `period`.
pub async fn wish(period: Duration) -> io::Result<Wish> {
    let end = Instant::now() + period;
    while Instant::now() < end {
        let patience = PATIENCE.min(end - Instant::now());
        if let Some(wish) = spawn_blocking(move || pressed(patience)).await?? {
            return Ok(wish);
        }
    }
    Ok(Wish::Look)
}

/// Waits until the user leaves.
pub async fn left() -> io::Result<()> {
    while wish(PATIENCE).await? != Wish::Leave {}
    Ok(())
}

fn pressed(patience: Duration) -> io::Result<Option<Wish>> {
    if !poll(patience)? {
        return Ok(None);
    }
    Ok(match read()? {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(match key.code {
            KeyCode::Char('q') | KeyCode::Esc => Wish::Leave,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Leave,
            _ => Wish::Look,
        }),
        Event::Resize(..) => Some(Wish::Look),
        _ => None,
    })
}
