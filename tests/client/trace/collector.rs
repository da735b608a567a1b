//! A collector: it takes what an exporter posts, in the form of OTLP over HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest head of a request.
const LONGEST_HEAD: usize = 16_384;

/// A span, and the service that it is of.
pub struct Traced {
    pub service: String,
    span: Span,
}

impl Traced {
    pub fn name(&self) -> &str {
        &self.span.name
    }

    pub fn id(&self) -> &[u8] {
        &self.span.span_id
    }

    pub fn parent(&self) -> &[u8] {
        &self.span.parent_span_id
    }

    pub fn trace(&self) -> &[u8] {
        &self.span.trace_id
    }

    pub fn kind(&self) -> SpanKind {
        self.span.kind()
    }

    pub fn started(&self) -> u64 {
        self.span.start_time_unix_nano
    }

    /// The spans that it is linked to.
    pub fn links(&self) -> Vec<&[u8]> {
        let links = self.span.links.iter();
        links.map(|link| link.span_id.as_slice()).collect()
    }

    pub fn has_failed(&self) -> bool {
        let status = self.span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    }

    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.span.attributes, name)
    }
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text.clone()),
        AnyValue {
            value: Some(Value::IntValue(number)),
        } => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// Listens until it is dropped.
pub struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<ResourceSpans>>>,
    listening: JoinHandle<()>,
}

impl Collector {
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let received = Arc::default();
        let store = Arc::clone(&received);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // An exporter whose request is refused exports nothing: the test misses its spans.
                let _ = take(stream, &store).await;
            }
        });
        Ok(Self {
            endpoint,
            received,
            listening,
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What it has received.
    pub fn spans(&self) -> Result<Vec<Traced>> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans = Vec::new();
        for all in received.iter() {
            let resource = all.resource.as_ref().context("spans of no resource")?;
            let service = attribute(&resource.attributes, "service.name").context("no name")?;
            for span in all.scope_spans.iter().flat_map(|scope| &scope.spans) {
                spans.push(Traced {
                    service: service.clone(),
                    span: span.clone(),
                });
            }
        }
        Ok(spans)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Takes one request of a connection, and answers it.
async fn take(mut stream: TcpStream, store: &Mutex<Vec<ResourceSpans>>) -> Result<()> {
    let body = read(&mut stream).await?;
    let request = ExportTraceServiceRequest::decode(body.as_slice())?;
    store
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(request.resource_spans);
    let answer = ExportTraceServiceResponse::default().encode_to_vec();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&answer).await?;
    Ok(stream.shutdown().await?)
}

/// Reads a request for the path of traces; returns its body.
async fn read(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < LONGEST_HEAD, "a long head");
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    ensure!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    ensure!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.context("no length")?.trim().parse()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}
