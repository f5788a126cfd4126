//! Detects the kind of a server, and rejects those that are not supported.

use sqlx::{MySqlConnection, Row};

use crate::sql::error::UnsupportedServer;

/// Kind of a server, by its support for statement timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Server {
    /// MariaDB, whose statement timeout covers all statements.
    MariaDb,
    /// MySQL, whose statement timeout covers queries only; changes run to their
    /// end.
    MySql,
}

/// Oldest supported versions: major and minor.
const OLDEST_MARIADB: (u16, u16) = (10, 5);
const OLDEST_MYSQL: (u16, u16) = (8, 0);

/// Names in version strings of products that present themselves as a version of
/// MySQL and lack features that plugins rely on, such as full-text indexes.
const OTHERS: [&str; 1] = ["TiDB"];

/// Smallest `max_allowed_packet`, in bytes: enough for the control database to
/// store a part of a bundle, and for a bucket's largest value.
const SMALLEST_PACKET: u64 = 1 << 20;

/// Version and limits that a server reports.
#[derive(Debug)]
pub(super) struct Facts {
    version: String,
    max_allowed_packet: u64,
}

impl Facts {
    /// Queries the server at the other end of `connection`.
    pub(super) async fn read(connection: &mut MySqlConnection) -> sqlx::Result<Self> {
        // Not prepared, so that servers too old for prepared statements can
        // still report their version.
        let asked = sqlx::raw_sql("SELECT VERSION(), CAST(@@max_allowed_packet AS UNSIGNED)");
        let row = asked.fetch_one(connection).await?;
        Ok(Self {
            version: row.try_get(0)?,
            max_allowed_packet: row.try_get(1)?,
        })
    }

    /// Returns the kind of the server.
    ///
    /// # Errors
    /// When the server is too old or another product, or its
    /// `max_allowed_packet` is too small.
    pub(super) fn check(&self) -> Result<Server, UnsupportedServer> {
        if let Some(product) = OTHERS.iter().find(|other| self.version.contains(**other)) {
            return Err(UnsupportedServer::Product {
                product,
                version: self.version.clone(),
            });
        }
        let (server, oldest) = match self.version.contains("MariaDB") {
            true => (Server::MariaDb, OLDEST_MARIADB),
            false => (Server::MySql, OLDEST_MYSQL),
        };
        if number(&self.version).is_none_or(|number| number < oldest) {
            return Err(UnsupportedServer::Version {
                version: self.version.clone(),
            });
        }
        if self.max_allowed_packet < SMALLEST_PACKET {
            return Err(UnsupportedServer::Packet {
                bytes: self.max_allowed_packet,
            });
        }
        Ok(server)
    }
}

/// Returns the major and minor version. Behind some proxies, MariaDB puts
/// `5.5.5-` before its version, for the sake of old clients.
fn number(version: &str) -> Option<(u16, u16)> {
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut parts = version.split(['.', '-']);
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: &str, max_allowed_packet: u64) -> Option<Server> {
        let facts = Facts {
            version: version.to_owned(),
            max_allowed_packet,
        };
        facts.check().ok()
    }

    #[test]
    fn old_servers_are_told_from_those_that_work() {
        let of = |version| checked(version, SMALLEST_PACKET);
        for version in ["8.0.36", "8.4.3", "9.7.4-2", "8.0.mysql_aurora.3.04.0"] {
            assert_eq!(of(version), Some(Server::MySql), "{version}");
        }
        for version in ["10.11.19-MariaDB-0+deb12u1", "5.5.5-11.4.2-MariaDB-log"] {
            assert_eq!(of(version), Some(Server::MariaDb), "{version}");
        }
        for version in [
            "5.7.44",
            "5.7.44-log",
            "5.7.mysql_aurora.2.11.1",
            "5.6.51-log",
            "10.4.34-MariaDB",
            "5.5.68-MariaDB",
            "x",
            "",
        ] {
            assert_eq!(of(version), None, "{version}");
        }
    }

    #[test]
    fn other_products_are_named() {
        for version in ["8.0.11-TiDB-v7.5.0", "5.7.25-TiDB-v6.1.0"] {
            let facts = Facts {
                version: version.to_owned(),
                max_allowed_packet: SMALLEST_PACKET,
            };
            let refusal = facts.check().expect_err(version).to_string();
            assert!(refusal.contains("not supported"), "{refusal}");
            assert!(refusal.contains(version), "{refusal}");
        }
    }

    #[test]
    fn small_packets_are_refused() {
        assert_eq!(checked("8.4.3", SMALLEST_PACKET - 1), None);
    }
}
