//! Migrations of a plugin, by SQL dialect.

/// SQL dialect of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Dialect of SQLite.
    Sqlite,
    /// Dialect of MySQL and MariaDB.
    Mysql,
}

/// A migration, in a file `<version>_<name>.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Name of the file.
    pub name: String,
    /// SQL statements of the migration.
    pub sql: String,
}

/// Migrations of a plugin for each dialect, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// Migrations for MySQL and MariaDB.
    pub mysql: Vec<Migration>,
    /// Migrations for SQLite.
    pub sqlite: Vec<Migration>,
}

impl Migration {
    /// Returns the migration in a file of this name; `None` if the name is not that of a migration.
    #[must_use]
    pub fn new(name: &str, sql: String) -> Option<Self> {
        Self::is_name(name).then(|| Self {
            name: name.to_owned(),
            sql,
        })
    }

    /// Returns whether a file of this name holds a migration.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        split_name(name).is_some()
    }
}

/// Returns the version and the name in a file name `<version>_<name>.sql`; `None` for other files.
#[must_use]
pub fn split_name(name: &str) -> Option<(i64, &str)> {
    let (version, rest) = name.strip_suffix(".sql")?.split_once('_')?;
    let plain = version.bytes().all(|byte| byte.is_ascii_digit()) && !rest.contains('/');
    plain.then(|| Some((version.parse().ok()?, rest)))?
}

impl Migrations {
    /// Returns the migrations for `dialect`.
    #[must_use]
    pub fn of(&self, dialect: Dialect) -> &[Migration] {
        match dialect {
            Dialect::Mysql => &self.mysql,
            Dialect::Sqlite => &self.sqlite,
        }
    }

    /// Returns all migrations with the names of their dialects.
    pub fn by_dialect(&self) -> [(&'static str, &[Migration]); 2] {
        [("mysql", &self.mysql), ("sqlite", &self.sqlite)]
    }

    /// Returns all migrations with the names of their dialects, for updates.
    pub fn by_dialect_mut(&mut self) -> [(&'static str, &mut Vec<Migration>); 2] {
        [("mysql", &mut self.mysql), ("sqlite", &mut self.sqlite)]
    }

    /// Returns the migrations for the dialect of this name, for updates; `None` for an unknown
    /// dialect.
    pub fn of_mut(&mut self, dialect: &str) -> Option<&mut Vec<Migration>> {
        let of_name = |(name, _): &(&str, _)| *name == dialect;
        let found = self.by_dialect_mut().into_iter().find(of_name);
        found.map(|(_, migrations)| migrations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_version_and_a_name() {
        assert_eq!(split_name("0001_orders.sql"), Some((1, "orders")));
        assert_eq!(split_name("20260101_a_b.sql"), Some((20_260_101, "a_b")));
        for bad in [
            "",
            "1.sql",
            "a_b.sql",
            "1_a",
            "-1_a.sql",
            "1_a/b.sql",
            "../1_a.sql",
            "_a.sql",
            "99999999999999999999_a.sql",
        ] {
            assert_eq!(split_name(bad), None, "{bad:?}");
        }
    }
}
