//! Servers with which a node cannot work say so when it starts.

use super::refusal;
use crate::servers::MariaDb;

#[tokio::test]
async fn a_server_that_is_too_old_is_named() {
    let server = MariaDb::start_mariadb("version=10.4.34-MariaDB").expect("a server");
    let message = refusal(&server.database()).await;
    assert!(message.contains("10.4.34"), "{message}");
    assert!(message.contains("MariaDB 10.5 or newer"), "{message}");
}

#[tokio::test]
async fn a_server_of_small_packets_is_named() {
    for start in [MariaDb::start_mariadb, MariaDb::start_mysql] {
        let server = start("max_allowed_packet=512K").expect("a server");
        let message = refusal(&server.database()).await;
        assert!(message.contains("max_allowed_packet"), "{message}");
        assert!(message.contains("524288"), "{message}");
    }
}
