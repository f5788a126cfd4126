//! Model of a database's tables, as migrations find and change them.

use std::collections::BTreeMap;

use sqlparser::ast::{
    ColumnOption, CreateTable, CreateTableOptions, Expr, IndexColumn, SqlOption, TableConstraint,
};

use super::column::{Column, UTF8MB4};

/// Tables of a database, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    pub(super) tables: BTreeMap<String, Table>,
}

/// A table, or a view in its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) is_view: bool,
    pub(super) engine: String,
    pub(super) row_format: String,
    pub(super) collation: String,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
    /// Names of the CHECK constraints.
    pub(super) checks: Vec<String>,
    /// Foreign keys of the table, and those of other tables that reference it.
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) triggers: Vec<Trigger>,
    /// Expression by which the rows are partitioned, as SQL; `None` without
    /// partitions.
    pub(super) partitioned_by: Option<String>,
    /// Number of rows, as estimated by the server.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// True if the table existed before the migrations.
    pub(super) is_there: bool,
}

/// A key or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Name of the key; `PRIMARY` for the primary key.
    pub(super) name: String,
    pub(super) unique: bool,
    /// True for a FULLTEXT or SPATIAL index, which cannot look up values.
    pub(super) is_special: bool,
    pub(super) parts: Vec<KeyPart>,
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyPart {
    pub(super) column: String,
    /// Prefix length in characters, if the key covers only a part of the
    /// column.
    pub(super) prefix: Option<u64>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    /// Table to which the key belongs.
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) referenced_table: String,
    pub(super) referenced_columns: Vec<String>,
}

/// A trigger of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) name: String,
    /// INSERT, UPDATE or DELETE.
    pub(super) event: String,
    /// BEFORE or AFTER.
    pub(super) timing: String,
}

impl ForeignKey {
    /// Returns whether the column of the table is part of the key, on either
    /// side.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        let is_in = |columns: &[String]| columns.iter().any(|it| it.eq_ignore_ascii_case(column));
        (self.table == table && is_in(&self.columns))
            || (self.referenced_table == table && is_in(&self.referenced_columns))
    }

    /// Returns the statement that drops the key.
    pub(super) fn drop_statement(&self) -> String {
        format!(
            "ALTER TABLE `{}` DROP FOREIGN KEY `{}`",
            self.table, self.name
        )
    }
}

impl Key {
    /// Returns whether the key consists of exactly these columns, in full and
    /// in this order.
    pub(super) fn has_columns(&self, columns: &[String]) -> bool {
        !self.is_special
            && self.parts.len() == columns.len()
            && self
                .parts
                .iter()
                .zip(columns)
                .all(|(part, column)| part.is(column))
    }

    /// Returns whether the key makes rows unique by these columns.
    pub(super) fn makes_unique(&self, columns: &[String]) -> bool {
        let is_among = |part: &KeyPart| columns.iter().any(|column| part.is(column));
        self.unique && self.parts.iter().all(is_among)
    }
}

impl KeyPart {
    fn is(&self, column: &str) -> bool {
        self.prefix.is_none() && self.column.eq_ignore_ascii_case(column)
    }
}

impl Schema {
    /// Returns the table or view of this name.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(name)
    }

    /// Adds a table that a migration creates.
    pub(super) fn create(&mut self, create: &CreateTable, name: &str) {
        let (charset, collation) = charset_of(create);
        let columns = create.columns.iter();
        let mut keys = Vec::new();
        for definition in &create.columns {
            for option in &definition.options {
                let name = match option.option {
                    ColumnOption::PrimaryKey(_) => "PRIMARY".to_owned(),
                    ColumnOption::Unique(_) => definition.name.value.clone(),
                    _ => continue,
                };
                keys.push(Key {
                    name,
                    unique: true,
                    is_special: false,
                    parts: vec![KeyPart {
                        column: definition.name.value.clone(),
                        prefix: None,
                    }],
                });
            }
        }
        keys.extend(create.constraints.iter().filter_map(key_of));
        let table = Table {
            name: name.to_owned(),
            engine: "InnoDB".to_owned(),
            row_format: "Dynamic".to_owned(),
            collation: collation.unwrap_or_else(|| format!("{charset}_")),
            columns: columns
                .map(|definition| Column::expected(definition, &charset))
                .collect(),
            keys,
            ..Table::default()
        };
        self.tables.insert(name.to_owned(), table);
    }
}

impl Table {
    /// Returns the column of this name, in any case.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        let mut columns = self.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn column_mut(&mut self, name: &str) -> Option<&mut Column> {
        let mut columns = self.columns.iter_mut();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Adds the column, or replaces the one of its name.
    pub(super) fn set_column(&mut self, column: Column) {
        match self.column_mut(&column.name) {
            Some(own) => *own = column,
            None => self.columns.push(column),
        }
    }

    /// Returns the key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        let mut keys = self.keys.iter();
        keys.find(|key| key.name.eq_ignore_ascii_case(name))
    }

    /// Returns whether the column's values are ids that refer to rows, because
    /// it is part of the primary key or of a foreign key.
    pub(super) fn is_id(&self, column: &str) -> bool {
        let primary = self.key("PRIMARY").map(|key| &key.parts);
        let is_primary = primary.is_some_and(|parts| {
            parts
                .iter()
                .any(|it| it.column.eq_ignore_ascii_case(column))
        });
        is_primary || self.foreign_key_on(column).is_some()
    }

    /// Returns a foreign key that includes the column.
    pub(super) fn foreign_key_on(&self, column: &str) -> Option<&ForeignKey> {
        let mut keys = self.foreign_keys.iter();
        keys.find(|key| key.has(&self.name, column))
    }

    /// Returns the default character set of new columns.
    pub(super) fn charset(&self) -> &str {
        charset_of_collation(&self.collation)
    }

    pub(super) fn is_innodb(&self) -> bool {
        self.engine.eq_ignore_ascii_case("InnoDB")
    }

    /// Returns whether the table has an older row format of InnoDB, in which a
    /// column has at most 767 bytes within a key.
    pub(super) fn has_short_keys(&self) -> bool {
        self.is_innodb()
            && ["Compact", "Redundant"]
                .iter()
                .any(|it| self.has_format(it))
    }

    /// Returns whether InnoDB compresses the table's rows. Keys may be as long
    /// as in `DYNAMIC`, which is incompatible with the table's block size.
    pub(super) fn is_compressed(&self) -> bool {
        self.is_innodb() && self.has_format("Compressed")
    }

    /// Returns whether the rows have this format, in any case.
    pub(super) fn has_format(&self, format: &str) -> bool {
        self.row_format.eq_ignore_ascii_case(format)
    }
}

/// Returns the character set with which a collation's name begins.
pub(super) fn charset_of_collation(collation: &str) -> &str {
    collation.split('_').next().unwrap_or_default()
}

/// Returns the character set and the collation that a CREATE TABLE names. The
/// character set is utf8mb4 if it names neither.
pub(super) fn charset_of(create: &CreateTable) -> (String, Option<String>) {
    let charset = option(create, &["CHARSET", "CHARACTER SET"]);
    let collation = option(create, &["COLLATE"]);
    let of_collation = || Some(charset_of_collation(collation.as_ref()?).to_owned());
    let charset = charset.or_else(of_collation);
    (charset.unwrap_or_else(|| UTF8MB4.to_owned()), collation)
}

/// Returns the value of the table option that has one of these names.
fn option(create: &CreateTable, names: &[&str]) -> Option<String> {
    let CreateTableOptions::Plain(options) = &create.table_options else {
        return None;
    };
    options.iter().find_map(|option| {
        let SqlOption::KeyValue { key, value } = option else {
            return None;
        };
        let upper = key.value.to_ascii_uppercase();
        let name = upper.strip_prefix("DEFAULT ").unwrap_or(&upper);
        let value = match value {
            Expr::Identifier(ident) => ident.value.clone(),
            value => value.to_string(),
        };
        names.contains(&name).then_some(value)
    })
}

/// Returns the key that a constraint creates, if it creates one.
pub(super) fn key_of(constraint: &TableConstraint) -> Option<Key> {
    let (name, unique, columns) = match constraint {
        TableConstraint::PrimaryKey(key) => (None, true, &key.columns),
        TableConstraint::Unique(key) => {
            let name = key.index_name.as_ref().or(key.name.as_ref());
            let first = key.columns.first().map(|column| column.column.to_string());
            let name = name.map(|name| name.value.clone()).or(first);
            (Some(name.unwrap_or_default()), true, &key.columns)
        }
        TableConstraint::Index(key) => {
            let name = key.name.as_ref().map(|name| name.value.clone());
            (Some(name.unwrap_or_default()), false, &key.columns)
        }
        _ => return None,
    };
    Some(Key {
        name: name.unwrap_or_else(|| "PRIMARY".to_owned()),
        unique,
        is_special: false,
        parts: parts(columns),
    })
}

/// Returns the columns of a key. An expression is kept as text, which matches
/// no column's name.
pub(super) fn parts(columns: &[IndexColumn]) -> Vec<KeyPart> {
    let part = |column: &IndexColumn| {
        let text = column.column.expr.to_string();
        let (name, prefix) = match text.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.trim_end_matches(')').trim().parse().ok()),
            None => (text.as_str(), None),
        };
        KeyPart {
            column: name.trim_matches('`').to_owned(),
            prefix,
        }
    };
    columns.iter().map(part).collect()
}
