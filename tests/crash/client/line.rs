//! A session that connects again whenever its server is back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::journal::Journal;

/// Refusals that are part of the work. Any other is noted as a fault.
const EXPECTED: [&str; 6] = ["RE", "22", "23505", "40001", "54000", "57014"];

/// A row, every value as text.
pub type Row = HashMap<String, String>;

/// What became of a call.
pub enum Answer {
    Rows(Vec<Row>),
    Refused,
    /// Nothing is known: the session or the server died.
    Lost,
}

impl Answer {
    /// The only row.
    pub fn row(self) -> Option<Row> {
        match self {
            Self::Rows(rows) => rows.into_iter().next(),
            Self::Refused | Self::Lost => None,
        }
    }
}

pub struct Line {
    database: String,
    name: String,
    journal: Arc<Journal>,
    client: Option<Client>,
    orders: u32,
}

impl Line {
    pub fn new(database: &str, name: &str, journal: &Arc<Journal>) -> Self {
        Self {
            database: database.to_owned(),
            name: name.to_owned(),
            journal: Arc::clone(journal),
            client: None,
            orders: 0,
        }
    }

    /// Calls once.
    pub async fn call(&mut self, sql: &str) -> Answer {
        let client = match self.client.take() {
            Some(client) if !client.is_closed() => client,
            _ => self.connect().await,
        };
        if let Some(order) = self.journal.take_order(&self.name) {
            self.orders += 1;
            let arm = format!("set crash.at = '{order}-{}'", self.orders);
            let _ = client.batch_execute(&arm).await;
        }
        match client.simple_query(sql).await {
            Ok(messages) => {
                self.client = Some(client);
                Answer::Rows(messages.into_iter().filter_map(row).collect())
            }
            Err(error) => match error.as_db_error() {
                Some(refusal) if !refusal.code().code().starts_with("57P") => {
                    let code = refusal.code().code();
                    if !EXPECTED.iter().any(|expected| code.starts_with(expected)) {
                        let message = refusal.message().replace('\n', " ");
                        self.journal
                            .note(&format!("fault {code} {message} of {sql}"));
                    }
                    self.client = Some(client);
                    Answer::Refused
                }
                _ => Answer::Lost,
            },
        }
    }

    /// Calls again and again until there is an answer, as a worker does that gives its ids.
    pub async fn ask(&mut self, sql: &str) -> Answer {
        loop {
            match self.call(sql).await {
                Answer::Lost => {}
                answer => return answer,
            }
        }
    }

    async fn connect(&self) -> Client {
        loop {
            if let Ok((client, connection)) = tokio_postgres::connect(&self.database, NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            sleep(Duration::from_millis(30)).await;
        }
    }
}

fn row(message: SimpleQueryMessage) -> Option<Row> {
    let SimpleQueryMessage::Row(row) = message else {
        return None;
    };
    let cells = row
        .columns()
        .iter()
        .enumerate()
        .filter_map(|(index, column)| {
            let value = row.get(index)?;
            Some((column.name().to_owned(), value.to_owned()))
        });
    Some(cells.collect())
}
