//! TLS: the identity of the server, and refusals.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use anyhow::Result;
use engine_client::{Database, ErrorKind, rustls};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Session};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::running::PATIENCE;

/// The server accepts every client, through TLS.
const RULE: &str = "hostssl all all 127.0.0.0/8 trust\n";

/// Writes a file that only the owner of the data directory may read.
fn put(data: &Path, name: &str, text: &str) -> Result<()> {
    let owner = fs::metadata(data)?;
    let file = data.join(name);
    fs::write(&file, text)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    chown(&file, Some(owner.uid()), Some(owner.gid()))?;
    Ok(())
}

fn trusting(certificate: &[u8]) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.to_vec().into())?;
    Ok(rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_encrypted_to_a_server_that_is_trusted_and_to_no_other() -> Result<()> {
    // An address of the test's own: other servers may have the same port.
    let [b, c, d] = rand::random::<[u8; 3]>();
    let host = Ipv4Addr::new(127, b, c, d.clamp(2, 250)).to_string();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.clone()])?;
    let cluster = Cluster::start(Options::quick().set("listen_addresses", &host)).await?;
    let data = cluster.data();
    put(&data, "server.crt", &cert.pem())?;
    put(&data, "server.key", &signing_key.serialize_pem())?;
    put(
        &data,
        "pg_hba.conf",
        &format!("local all all trust\n{RULE}"),
    )?;
    let session = Session::open(&cluster.database().await?).await?;
    let library = session.client.query_one("show ssl_library", &[]).await?;
    if library.get::<_, String>(0).is_empty() {
        eprintln!("this server was built without TLS, so that there is nothing to test");
        return Ok(());
    }
    for statement in ["alter system set ssl = on", "select pg_reload_conf()"] {
        session.client.batch_execute(statement).await?;
    }

    let address = format!("host={host} user=postgres dbname=postgres sslmode=require");
    let database: Database = address.parse()?;
    let trusting_it = database.clone().tls(trusting(cert.der())?);
    eventually(
        "the server takes encrypted connections",
        PATIENCE,
        async || Ok(trusting_it.connect().await.is_ok()),
    )
    .await?;
    let connection = trusting_it.connect().await?;
    let sql = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()";
    let row = connection.client().query_one(sql, &[]).await?;
    assert_eq!((row.get(0), row.get(1)), (true, "TLSv1.3"));

    let other = generate_simple_self_signed([host])?;
    let trusting_another = database.clone().tls(trusting(other.cert.der())?);
    let refused = trusting_another.connect().await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Connection);
    let plain = database.connect().await.map(|_| ()).unwrap_err();
    assert_eq!(plain.kind(), ErrorKind::Setup);
    Ok(())
}
