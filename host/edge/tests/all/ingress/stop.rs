//! Clients that leave, and a node that does.

use std::net::TcpListener;
use std::time::Duration;

use tokio::net::TcpStream;

use super::node;
use crate::harness::{TestNode, eventually, fixture, get, start_error, variant};

/// After this, a request has arrived.
const ARRIVAL: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_request_in_flight_finishes_while_new_connections_are_refused() {
    let mut node = node().await;
    let in_flight = node.spawn_get("/hostile/sleep?ms=3000");
    let mut idle = node.wire().await;
    idle.send(get("/hello")).await;
    idle.reply().await.assert_status(200);
    tokio::time::sleep(ARRIVAL).await;

    node.begin_stop();
    let address = node.address();
    eventually("a closed port", async || {
        TcpStream::connect(address).await.err()
    })
    .await;
    assert!(
        !in_flight.is_finished(),
        "the stop came too late to be seen"
    );
    idle.assert_closed().await;
    in_flight.await.unwrap().assert_status(200);
    assert!(node.stop().await, "every request finished");
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_drain_is_cut_off() {
    let short = |settings: &mut edge::config::Settings| {
        settings.stop.drain_timeout = Duration::from_millis(100);
    };
    let node = TestNode::start(&[fixture("hostile")], short).await;
    let mut wire = node.wire().await;
    wire.send(get("/hostile/sleep?ms=4000")).await;
    tokio::time::sleep(ARRIVAL).await;
    assert!(!node.stop().await, "the request was cut off");
    wire.assert_closed().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = start_error(&[fixture("hello")], |settings| settings.listen = address).await;
    assert!(
        error.contains(&format!("cannot listen on {address}")),
        "{error}"
    );
}

/// A client that ends its side of the connection counts as gone, like one
/// that ends both: the host cannot tell them apart in time.
#[tokio::test]
async fn a_client_that_leaves_gives_its_instance_back() {
    let single = variant("hostile", "[limits]\ninstances = 1");
    let node = TestNode::start(&[single], |settings| {
        settings.queue_timeout = Duration::from_millis(50);
    })
    .await;
    for half in [false, true] {
        let mut wire = node.wire().await;
        wire.send(get("/hostile/sleep?ms=4500")).await;
        node.until_status("/hostile/count", 503).await;
        if half {
            wire.finish().await;
            wire.assert_closed().await;
        } else {
            drop(wire);
        }
        node.until_status("/hostile/count", 200).await;
    }
}

#[tokio::test]
async fn clients_that_leave_at_any_point_leave_a_healthy_node() {
    let node = node().await;
    let request = format!(
        "POST /hostile/echo HTTP/1.1\r\nhost: shop\r\ncontent-length: 4\r\n\r\nbody{}",
        get("/hello")
    );
    for length in 0..=request.len() {
        let mut wire = node.wire().await;
        wire.send(&request[..length]).await;
    }
    node.get("/hello").await.assert_status(200);
    assert!(node.stop().await, "nothing was left behind");
}
