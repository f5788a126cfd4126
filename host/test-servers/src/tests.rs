//! Tests that the servers answer and belong to this process.

use std::io::{Read, Write};
use std::net::TcpStream;

use sqlx::{Connection, MySqlConnection};

use super::{MariaDb, Redis};

#[tokio::test]
async fn mariadb_answers_and_gives_each_test_a_database_of_its_own() {
    let (mine, yours) = (MariaDb::shared().database(), MariaDb::shared().database());
    assert_ne!(mine, yours);
    let mut connection = MySqlConnection::connect(&mine).await.expect("a connection");
    let tables = sqlx::query("SHOW TABLES").fetch_all(&mut connection).await;
    assert_eq!(tables.expect("an answer").len(), 0);
}

#[test]
fn redis_answers() {
    let port = Redis::shared().port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(b"PING\r\n").expect("a request");
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"+PONG\r\n");
}

#[test]
fn a_server_of_ones_own_can_be_stopped_and_comes_back_on_its_port() {
    let mut redis = Redis::start().expect("a server");
    let port = redis.port();
    assert_ne!(port, Redis::shared().port());
    redis.stop().expect("a stop");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    redis.restart().expect("a start");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
}
