//! Requests that no browser would make.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// The cookie of a name that it sets.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.head.split_once(&format!("set-cookie: {name}="))?;
        rest.split([';', '\r']).next()
    }

    /// The token of the forms of its page.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        let (_, rest) = self.body.split_once("name=\"token\" value=\"")?;
        rest.split('"').next()
    }
}

/// Sends a request to `http://address/path`.
///
/// # Errors
/// If there is no answer.
pub async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let rest = url.strip_prefix("http://").context("no address")?;
    let (address, path) = rest.split_once('/').context("no path")?;
    let mut request = format!(
        "{method} /{path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Answer {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}
