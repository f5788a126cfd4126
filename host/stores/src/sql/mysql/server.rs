//! What kind of server is at the other end, and whether it is one that works.

use sqlx::{MySqlConnection, Row};

/// What kind of server it is, as far as bounds on statements go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Server {
    /// Bounds any statement.
    MariaDb,
    /// Bounds queries; changes go on to their end.
    MySql,
}

/// The lowest versions that work: major and minor.
const OLDEST_MARIADB: (u16, u16) = (10, 5);
const OLDEST_MYSQL: (u16, u16) = (8, 0);

/// Products that call themselves a version of MySQL, as they stand in it, and
/// lack what plugins rely on, such as indexes of full text.
const OTHERS: [&str; 1] = ["TiDB"];

/// The smallest `max_allowed_packet`, in bytes: with it, the control database
/// takes a part of a bundle, and a bucket's largest value.
const SMALLEST_PACKET: u64 = 1 << 20;

/// Why a server that answers is not used.
#[derive(Debug, thiserror::Error)]
pub enum UnsupportedServer {
    /// The version is too old.
    #[error("its version is {version}; MySQL 8.0 or newer is needed, or MariaDB 10.5 or newer")]
    Version {
        /// The version as the server says it.
        version: String,
    },
    /// It speaks MySQL's protocol, and is another product.
    #[error(
        "it is {product} (version {version}), which is not supported; MySQL 8.0 or newer is needed, or MariaDB 10.5 or newer"
    )]
    Product {
        /// The name of the product.
        product: &'static str,
        /// The version as the server says it.
        version: String,
    },
    /// Packets are too small.
    #[error(
        "it takes packets of {bytes} bytes (max_allowed_packet); at least 1048576 are needed, and 16777216 or more are better"
    )]
    Packet {
        /// The size that it has.
        bytes: u64,
    },
}

/// What a server says of itself.
#[derive(Debug)]
pub(super) struct Facts {
    version: String,
    max_allowed_packet: u64,
}

impl Facts {
    /// Asks the server at the other end of `connection`.
    pub(super) async fn read(connection: &mut MySqlConnection) -> sqlx::Result<Self> {
        // Not prepared: servers that are too old for that shall say who they are.
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
    /// When the server is too old, or is set so that the node cannot work.
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

/// Returns major and minor version. Behind some proxies, MariaDB puts
/// `5.5.5-` before its own, which clients of old need.
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
