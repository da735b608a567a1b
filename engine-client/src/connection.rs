//! One connection and the task that drives it.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket};
#[cfg(feature = "tls")]
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Engine, Error};

/// Longest orderly close of a connection.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where the database is: a parsed connection string.
///
/// ```
/// # fn main() -> Result<(), engine_client::Error> {
/// use engine_client::Database;
///
/// let by_socket: Database = "host=/var/run/postgresql user=app dbname=app".parse()?;
/// let by_url: Database = "postgres://app@localhost:5432/app".parse()?;
/// # Ok(())
/// # }
/// ```
///
/// Timeouts of the server's own go into the string as well, such as `options='-c statement_timeout=30s'`, and
/// so do `connect_timeout`, `keepalives_idle` and `tcp_user_timeout`. A pooler may refuse `options`.
#[derive(Clone)]
pub struct Database {
    config: Config,
    #[cfg(feature = "tls")]
    tls: Option<MakeRustlsConnect>,
}

impl Database {
    /// Encrypts connections, and verifies the server as `tls` says. Needs the feature `tls`.
    ///
    /// By the connection string, `sslmode=require` refuses a server without TLS, and `prefer`, which is the
    /// default, connects without. The server's certificate is verified in both cases, for the name that the
    /// connection string has as `host`. Connections by Unix socket are not encrypted.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use engine_client::{Database, rustls};
    ///
    /// let mut roots = rustls::RootCertStore::empty();
    /// roots.add(std::fs::read("root.der")?.into())?;
    /// let tls = rustls::ClientConfig::builder()
    ///     .with_root_certificates(roots)
    ///     .with_no_client_auth();
    /// let database: Database = "postgres://app@db.example.org/app?sslmode=require".parse()?;
    /// let database = database.tls(tls);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: rustls::ClientConfig) -> Self {
        self.tls = Some(MakeRustlsConnect::new(tls));
        self
    }

    /// A new connection. It may take as long as the `connect_timeout` of the connection string, which is
    /// unlimited unless it is set.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection) if the server cannot be reached;
    /// [`ErrorKind::Setup`](crate::ErrorKind::Setup) if it knows neither the role nor the database.
    pub async fn connect(&self) -> Result<Connection, Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return self.connect_by(tls.clone()).await;
        }
        if self.config.get_ssl_mode() == SslMode::Require {
            return Err(Error::setup("sslmode=require needs Database::tls"));
        }
        self.connect_by(NoTls).await
    }

    async fn connect_by<T>(&self, tls: T) -> Result<Connection, Error>
    where
        T: MakeTlsConnect<Socket> + Send,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let connecting = self.config.connect(tls);
        let (client, driver) = connecting.await.map_err(Error::connecting)?;
        let driver = Driver(tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "connection ended");
            }
        }));
        Ok(Connection {
            client,
            driver,
            database: self.clone(),
            is_cut: AtomicBool::new(false),
        })
    }
}

impl From<Config> for Database {
    /// The connection's `application_name` is `engine-client` unless `config` sets one.
    fn from(mut config: Config) -> Self {
        if config.get_application_name().is_none() {
            config.application_name("engine-client");
        }
        Self {
            config,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration omits its password.
        f.debug_tuple("Database").field(&self.config).finish()
    }
}

impl FromStr for Database {
    type Err = Error;

    /// Reads `key=value` pairs or a `postgres://` URL, as `libpq` does.
    fn from_str(text: &str) -> Result<Self, Error> {
        let config: Config = text.parse().map_err(Error::connection_string)?;
        Ok(Self::from(config))
    }
}

/// A connection to the database, closed when dropped.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: Driver,
    /// For cancel requests, which use connections of their own.
    database: Database,
    /// The client notices that the connection was cut only when its driver has ended, which takes a moment.
    is_cut: AtomicBool,
}

impl Connection {
    /// The functions of the engine on this connection, each call in a transaction of its own.
    pub fn engine(&self) -> Engine<'_, Client> {
        Engine::new(&self.client)
    }

    /// The underlying client, for statements of your own.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The underlying client, for transactions of your own.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Whether the connection was lost.
    pub fn is_closed(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed) || self.client.is_closed()
    }

    /// Lets pending calls finish, terminates the session and waits for that, at most two seconds.
    pub async fn close(self) {
        let Self {
            client, mut driver, ..
        } = self;
        drop(client);
        if timeout(GOODBYE, &mut driver.0).await.is_err() {
            tracing::debug!("connection did not close in time");
        }
    }

    /// Breaks the connection at once: every pending call fails.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.driver.0.abort();
    }

    /// Breaks the connection, and makes the server stop what it still does for it: a waiting session checks only
    /// once a second whether its client is connected.
    pub(crate) fn abandon(&self) {
        self.cut();
        let cancel = self.cancel();
        // Without a runtime no task could send it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(cancel);
        }
    }

    /// Asks the server to stop the call that it executes for this connection; the call then fails with `57014`,
    /// unless it has finished. Best effort.
    pub(crate) fn cancel(&self) -> impl Future<Output = ()> + Send + 'static {
        let token = self.client.cancel_token();
        #[cfg(feature = "tls")]
        let tls = self.database.tls.clone();
        #[cfg(not(feature = "tls"))]
        let tls: Option<NoTls> = None;
        let encrypts = self.database.config.get_ssl_mode() != SslMode::Disable;
        async move {
            let cancel = async {
                match tls.filter(|_| encrypts) {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(NoTls).await,
                }
            };
            match timeout(GOODBYE, cancel).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the cancel request failed"),
                Err(_) => tracing::debug!("the cancel request took too long"),
            }
        }
    }
}

/// The task that moves bytes between the client and its socket; it ends with its owner.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application_name(text: &str) -> Option<String> {
        let database: Database = text.parse().unwrap();
        let name = database.config.get_application_name();
        name.map(str::to_owned)
    }

    #[test]
    fn both_forms_of_a_connection_string_reach_a_unix_socket() {
        for text in [
            "host=/tmp/x port=5432 user=postgres dbname=app",
            "postgres:///app?host=/tmp/x&user=postgres",
        ] {
            let database: Database = text.parse().unwrap();
            let socket = tokio_postgres::config::Host::Unix("/tmp/x".into());
            assert_eq!(database.config.get_hosts(), [socket]);
            assert_eq!(database.config.get_dbname(), Some("app"));
        }
    }

    #[test]
    fn a_connection_has_a_name_unless_it_was_given_one() {
        let default = application_name("dbname=app");
        assert_eq!(default.as_deref(), Some("engine-client"));
        let given = application_name("dbname=app application_name=shop");
        assert_eq!(given.as_deref(), Some("shop"));
    }

    #[tokio::test]
    async fn a_database_that_asks_for_tls_is_not_connected_to_without() {
        let database: Database = "host=/nowhere dbname=app sslmode=require".parse().unwrap();
        let error = database.connect().await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Setup);
        assert!(!error.is_retryable());
    }

    #[test]
    fn a_bad_connection_string_is_a_serialization_error() {
        let error = "port=none".parse::<Database>().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Serialization);
    }
}
