//! The address of a running server.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, io};

use anyhow::{Context, Result, bail};
use tokio_postgres::{Client, NoTls};

use crate::progress::tell;

/// Names the socket directory of the server that `cargo xtask test` started.
pub const SERVER_VARIABLE: &str = "ENGINE_TEST_SERVER";

/// A server, known by the directory of its socket.
#[derive(Clone, Debug)]
pub struct Server {
    socket: PathBuf,
}

impl Server {
    pub(crate) const PORT: u16 = 5432;
    pub(crate) const USER: &str = "postgres";

    /// The server whose socket is in the directory `socket`.
    #[must_use]
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// The server that all tests share.
    ///
    /// # Errors
    /// If this process was not started by `cargo xtask test`.
    pub fn shared() -> Result<Self> {
        match env::var_os(SERVER_VARIABLE) {
            Some(socket) => Ok(Self::at(socket)),
            None => bail!("{SERVER_VARIABLE} is not set: run `cargo xtask test`"),
        }
    }

    /// The directory of the socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The socket itself.
    #[must_use]
    pub fn socket_file(&self) -> PathBuf {
        self.socket.join(format!(".s.PGSQL.{}", Self::PORT))
    }

    /// The connection string of a superuser for `database`.
    #[must_use]
    pub fn connection_string(&self, database: &str) -> String {
        let host = quoted(&self.socket.to_string_lossy());
        format!(
            "host={host} port={} user={} dbname={}",
            Self::PORT,
            Self::USER,
            quoted(database)
        )
    }

    /// The connection string as a URI, for drivers that accept nothing else.
    #[must_use]
    pub fn uri(&self, database: &str) -> String {
        format!(
            "postgresql:///{}?host={}&port={}&user={}",
            percent_encoded(database),
            percent_encoded(&self.socket.to_string_lossy()),
            Self::PORT,
            Self::USER
        )
    }

    /// Connects to `database` as superuser.
    ///
    /// # Errors
    /// If the server refuses or is not there.
    pub async fn connect(&self, database: &str) -> Result<Client> {
        let (client, connection) =
            tokio_postgres::connect(&self.connection_string(database), NoTls)
                .await
                .with_context(|| format!("cannot connect to database \"{database}\""))?;
        // Ends with the client, or with the server.
        tokio::spawn(async move {
            if let Err(error) = connection.await
                && is_of_the_driver(&error)
            {
                tell(format!("a connection has ended: {error:?}"));
            }
        });
        Ok(client)
    }
}

/// Whether a connection has ended because the driver did not understand the server. The client's calls tell of all other errors, and
/// of this one only that the connection is closed.
fn is_of_the_driver(error: &tokio_postgres::Error) -> bool {
    let is_of_the_socket = error
        .source()
        .is_some_and(|source| source.is::<io::Error>());
    !error.is_closed() && error.as_db_error().is_none() && !is_of_the_socket
}

/// A value of a connection string.
fn quoted(value: &str) -> String {
    if value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
    {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A part of a URI.
fn percent_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
