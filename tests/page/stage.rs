//! A database with the dashboard in front of it.

use std::net::SocketAddr;

use anyhow::Result;
use engine_harness::{Database, Session};
use engine_ui::Options;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_postgres::types::FromSql;

/// A shop at night, in SQL.
pub const SHOP: &str = include_str!("shop.sql");

/// A dashboard that is served as long as this value lives.
pub struct Stage {
    /// Its database.
    pub database: Database,
    /// A superuser's session there.
    pub session: Session,
    dashboard: Dashboard,
}

/// A dashboard in front of a database, served as long as this value lives.
pub struct Dashboard {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Dashboard {
    /// Serves it in front of the database of a connection string.
    ///
    /// # Errors
    /// If there is no port for it.
    pub async fn serve(connection: &str, options: Options) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            stopped.await.ok();
        };
        let database = connection.parse()?;
        tokio::spawn(engine_ui::serve(listener, database, options, shutdown));
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    /// The address of a path.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Stage {
    /// Serves the dashboard of a new database in which `sql` was executed.
    ///
    /// # Errors
    /// If the database refuses it.
    pub async fn set(sql: &str) -> Result<Self> {
        Self::set_with(sql, Options::default()).await
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`Stage::set`].
    pub async fn set_with(sql: &str, options: Options) -> Result<Self> {
        let database = Database::fresh().await?;
        let session = Session::open(&database).await?;
        session.client.batch_execute(sql).await?;
        let dashboard = Dashboard::serve(&database.connection_string(), options).await?;
        Ok(Self {
            database,
            session,
            dashboard,
        })
    }

    /// The address of a path.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        self.dashboard.at(path)
    }

    /// One value of a statement.
    ///
    /// # Errors
    /// If it returns none.
    pub async fn value<T: for<'a> FromSql<'a>>(&self, sql: &str) -> Result<T> {
        Ok(self.session.client.query_one(sql, &[]).await?.try_get(0)?)
    }

    /// The id of a run, by a condition on `engine.run_overview`.
    ///
    /// # Errors
    /// If there is none.
    pub async fn run(&self, condition: &str) -> Result<String> {
        let sql = format!(
            "select o.run from engine.run_overview as o where {condition} order by o.run limit 1"
        );
        Ok(self.session.client.query_one(&sql, &[]).await?.get(0))
    }
}
