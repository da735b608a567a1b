//! A session that hears the notices and warnings of its server.

use std::future::poll_fn;

use anyhow::Result;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{Database, Session};

/// What a session is told beside its answers, each as its severity and its message.
#[derive(Debug)]
pub struct Notices(UnboundedReceiver<String>);

impl Notices {
    /// A session, and what it is told.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn open(database: &Database) -> Result<(Session, Self)> {
        let string = database.connection_string();
        let (client, mut connection) = tokio_postgres::connect(&string, NoTls).await?;
        let (tell, told) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notice(notice) = message {
                    // A test that listens no more has what it wanted.
                    let _ = tell.send(format!("{}: {}", notice.severity(), notice.message()));
                }
            }
        });
        Ok((Session { client }, Self(told)))
    }

    /// What came since the last call. Notices come before the answer that they belong to.
    pub fn take(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}
