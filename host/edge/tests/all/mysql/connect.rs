//! How servers let users in: passwords, TLS, and both after a rotation.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;
use test_servers::{Authority, MariaDb};

use super::{add, count, kill_connections_of, ledger, refusal, tls_options, url_for};
use crate::harness::eventually;

type Start = fn(&str) -> io::Result<MariaDb>;

/// Both kinds of servers.
const SERVERS: [(&str, Start); 2] = [
    ("MariaDB", MariaDb::start_mariadb),
    ("MySQL", MariaDb::start_mysql),
];

/// A server whose certificate is `authority`'s, in the folder.
fn start(start: Start, authority: &Authority, options: &str) -> (MariaDb, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    authority.issue(folder.path());
    let options = format!("{}\n{options}", tls_options(folder.path()));
    (start(&options).expect("a server"), folder)
}

fn verified(folder: &Path) -> String {
    let file = folder.join("trusted.pem");
    format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={}", file.display())
}

/// MySQL's own way of passwords since 8.0. Without TLS, they are encrypted with
/// a key that the server sends, unless the server remembers the user.
#[tokio::test]
async fn a_password_of_mysqls_own_kind_is_shown_with_and_without_tls() {
    let server = MariaDb::shared_mysql();
    for (user, mode) in [
        ("plain", "DISABLED"),
        ("preferring", ""),
        ("tls", "REQUIRED"),
    ] {
        server.add_user(user, "a password", "");
        let mode = match mode {
            "" => String::new(),
            mode => format!("ssl-mode={mode}"),
        };
        let url = url_for(server, &format!("{user}:a%20password"), &mode);
        let node = ledger(&url).await;
        add(&node, "one").await.assert_status(200);
        assert_eq!(count(server, &url), "1", "{user}");

        let wrong = refusal(&url.replace("a%20password", "another")).await;
        assert!(
            wrong.contains("1045") && !wrong.contains("another"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_server_that_takes_tls_alone_gets_it() {
    for (name, start_server) in SERVERS {
        let authority = Authority::new("ours");
        let (server, _folder) = start(start_server, &authority, "require_secure_transport=ON");
        server.add_user("shop", "secret", "");
        let url = url_for(&server, "shop:secret", "");
        let node = ledger(url.trim_end_matches('?')).await;
        add(&node, "one").await.assert_status(200);
        assert_eq!(count(&server, &url), "1", "{name}");

        let message = refusal(&url_for(&server, "shop:secret", "ssl-mode=DISABLED")).await;
        assert!(message.contains("ssl-mode=DISABLED"), "{name}: {message}");
        assert!(!message.contains("secret"), "{name}: {message}");
    }
}

#[tokio::test]
async fn a_user_who_needs_tls_gets_it_or_is_told() {
    for (name, start_server) in SERVERS {
        let (server, _folder) = start(start_server, &Authority::new("ours"), "");
        server.add_user("shop", "secret", "REQUIRE SSL");
        let node = ledger(&url_for(&server, "shop:secret", "ssl-mode=REQUIRED")).await;
        add(&node, "one").await.assert_status(200);
        let message = refusal(&url_for(&server, "shop:secret", "ssl-mode=DISABLED")).await;
        assert!(message.contains("may need TLS"), "{name}: {message}");
    }
}

#[tokio::test]
async fn a_certificate_is_checked_where_the_url_says_so() {
    for (name, start_server) in SERVERS {
        let authority = Authority::new("ours");
        let (server, folder) = start(start_server, &authority, "");
        server.add_user("shop", "secret", "");
        let trusted = folder.path().join("trusted.pem");
        fs::write(&trusted, authority.pem()).expect("a file");
        let url = url_for(&server, "shop:secret", &verified(folder.path()));
        let node = ledger(&url).await;
        add(&node, "one").await.assert_status(200);
        drop(node);

        fs::write(&trusted, Authority::new("theirs").pem()).expect("a file");
        for url in [
            url.clone(),
            url_for(&server, "shop:secret", "ssl-mode=VERIFY_IDENTITY"),
        ] {
            let message = refusal(&url).await;
            assert!(message.contains("UnknownIssuer"), "{name}: {message}");
            assert!(message.contains("ssl-ca"), "{name}: {message}");
        }
    }
}

/// As managed databases renew theirs: another issuer, on a server that goes
/// on, while the node's file gets the new one beside the old one, or later.
#[tokio::test]
async fn certificates_rotate_under_a_node_that_goes_on() {
    let reloads = ["FLUSH SSL", "ALTER INSTANCE RELOAD TLS"];
    for ((name, start_server), reload) in SERVERS.into_iter().zip(reloads) {
        let [old, new] = [Authority::new("old"), Authority::new("new")];
        let (server, folder) = start(start_server, &old, "");
        server.add_user("shop", "secret", "");
        let trusted = folder.path().join("trusted.pem");
        fs::write(&trusted, old.pem()).expect("a file");
        let node = ledger(&url_for(&server, "shop:secret", &verified(folder.path()))).await;
        add(&node, "before").await.assert_status(200);

        new.issue(folder.path());
        server.run(reload);
        kill_connections_of(&server, "shop");
        // Reads are tried again, on connections that the node refuses by now.
        let refused = node.until_status("/ledger/entries", 503).await;
        assert_eq!(refused.header("retry-after"), Some("1"), "{name}");

        fs::write(&trusted, format!("{}{}", old.pem(), new.pem())).expect("a file");
        node.until_status("/ledger/entries", 200).await;
        add(&node, "after").await.assert_status(200);
    }
}

#[tokio::test]
async fn a_password_rotates_under_a_node_that_goes_on() {
    for (name, start_server) in SERVERS {
        let server = start_server("").expect("a server");
        server.add_user("shop", "first", "");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        fs::write(&file, "first\n").expect("a file");
        let parameter = format!("password-file={}", file.display());
        let url = url_for(&server, "shop", &parameter);
        let node = ledger(&url).await;
        add(&node, "before").await.assert_status(200);

        server.run("ALTER USER shop@'127.0.0.1' IDENTIFIED BY 'second'");
        kill_connections_of(&server, "shop");
        let refused = eventually("a refusal", async || {
            let reply = add(&node, "lost").await;
            (reply.status == 503).then_some(reply)
        })
        .await;
        assert_eq!(refused.header("retry-after"), Some("1"), "{name}");

        fs::write(&file, "second\n").expect("a file");
        eventually("the new password", async || {
            (add(&node, "after").await.status == 200).then_some(())
        })
        .await;
        assert_eq!(count(&server, &url), "2", "{name}");
    }
}
