//! Decides which migrations a plugin may run: CREATE TABLE, CREATE INDEX, ALTER
//! TABLE, INSERT, UPDATE and DELETE on tables that its grant lets it change.
//!
//! A migration runs as the statements that were checked, without comments, as
//! opposed to the text of its file. Nothing remains that a server might read in
//! a comment.

mod alter;
mod create;
mod parsed;
mod script;
mod table_options;

use sqlparser::ast::Statement;

use super::calls::Calls;
use super::grant::folded;
use super::{TableGrant, lexing, parse_one, parser_dialect, tables};
use crate::sql::Dialect;

pub(in super::super) use alter::TableOption;
pub(in super::super) use parsed::{AlterChange, AlterKind, ParsedStatement, parse};

/// Longest excerpt of a statement in an error, in characters.
const EXCERPT: usize = 120;

/// Reason that a migration is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", in_statement(.statement))]
pub struct MigrationRefused {
    /// Beginning of the statement; empty if the script as a whole is refused.
    pub statement: String,
    /// Part of the statement that is not allowed.
    pub reason: String,
}

fn in_statement(statement: &str) -> String {
    match statement {
        "" => String::new(),
        statement => format!(", in `{statement}`"),
    }
}

/// Returns the statements of a migration, in order, if the grant allows each.
///
/// # Errors
/// Names the statement and the part of it that is not allowed.
pub(in super::super) fn checked_statements(
    script: &str,
    grant: &TableGrant,
    dialect: Dialect,
) -> Result<Vec<String>, MigrationRefused> {
    let statements = script::statements(script).map_err(|reason| MigrationRefused {
        statement: String::new(),
        reason: reason.to_owned(),
    })?;
    let rules = Rules { grant, dialect };
    for statement in &statements {
        rules.check(statement).map_err(|reason| MigrationRefused {
            statement: excerpt(statement),
            reason,
        })?;
    }
    Ok(statements)
}

fn excerpt(statement: &str) -> String {
    let words: Vec<_> = statement.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Grant and dialect against which a migration is checked.
struct Rules<'a> {
    grant: &'a TableGrant,
    dialect: Dialect,
}

impl Rules<'_> {
    fn check(&self, text: &str) -> Result<(), String> {
        let dialect = parser_dialect(self.dialect);
        let tokens = lexing::unambiguous(dialect, text).map_err(|error| error.to_string())?;
        let calls = Calls::new(self.dialect, &tokens);
        if alter::is_alter(&tokens) {
            return alter::check(self, tokens, &calls);
        }
        let statement = parse_one(dialect, tokens).map_err(|error| error.to_string())?;
        match &statement {
            Statement::CreateTable(table) => create::check_table(self, table)?,
            Statement::CreateIndex(index) => create::check_index(self, index)?,
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                return self.check_change(&statement, &calls);
            }
            _ => {
                return Err(
                    "a migration runs CREATE TABLE, CREATE INDEX, ALTER TABLE, INSERT, UPDATE and \
                     DELETE, and nothing else"
                        .into(),
                );
            }
        }
        self.check_named(&statement, &calls)
    }

    fn check_change(&self, statement: &Statement, calls: &Calls) -> Result<(), String> {
        let used = tables::used_by(statement, calls)?;
        self.grant.permit(&used, self.dialect)?;
        match super::parameters::count(statement)? {
            0 => Ok(()),
            _ => Err("a migration has no parameters".into()),
        }
    }

    /// Checks the functions in defaults and checks as those of statements, and
    /// requires write access to every table that is named.
    fn check_named(&self, statement: &Statement, calls: &Calls) -> Result<(), String> {
        for table in tables::named_in(statement, calls)? {
            self.require_write(&table)?;
        }
        Ok(())
    }

    fn require_write(&self, table: &str) -> Result<(), String> {
        if self.grant.may_write(&folded(table, self.dialect)) {
            Ok(())
        } else {
            Err(format!(
                "the manifest does not grant changing the table `{table}`"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, dialect: Dialect) -> Result<Vec<String>, MigrationRefused> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let grant = TableGrant {
            read: set(&["tax"]),
            write: set(&["orders", "line"]),
        };
        checked_statements(script, &grant, dialect)
    }

    const BOTH: [Dialect; 2] = [Dialect::Sqlite, Dialect::Mysql];

    #[test]
    fn changes_of_granted_tables_pass() {
        let scripts = [
            "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, note TEXT DEFAULT 'x; y', \
             amount INTEGER NOT NULL CHECK (amount >= 0), made TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
            "CREATE TABLE line (id INT, order_id INT, UNIQUE (id), PRIMARY KEY (id, order_id), \
             FOREIGN KEY (order_id) REFERENCES orders (id))",
            "CREATE UNIQUE INDEX orders_note ON orders (note, id)",
            "ALTER TABLE orders ADD COLUMN extra INT NOT NULL DEFAULT 0",
            "ALTER TABLE orders RENAME COLUMN extra TO more",
            "INSERT INTO orders (id) SELECT tax_id FROM tax; UPDATE orders SET note = UPPER(note); \
             DELETE FROM line WHERE id NOT IN (SELECT id FROM orders);",
        ];
        for script in scripts {
            for dialect in BOTH {
                let checked = check(script, dialect);
                assert!(checked.is_ok(), "{dialect:?}: {script}: {checked:?}");
            }
        }
        let sqlite = "CREATE TABLE line (a BLOB, b INTEGER PRIMARY KEY AUTOINCREMENT) STRICT; \
            CREATE TABLE orders (a BLOB PRIMARY KEY) WITHOUT ROWID; \
            CREATE INDEX i ON orders (a) WHERE a IS NOT NULL";
        assert!(check(sqlite, Dialect::Sqlite).is_ok());
        let mysql = "CREATE TABLE line (a BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
            b VARCHAR(32) CHARACTER SET ascii, KEY line_b (b)) \
            ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin ROW_FORMAT=DYNAMIC; \
            ALTER TABLE orders ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, ADD COLUMN b INT AFTER a; \
            ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; \
            ALTER TABLE orders ADD COLUMN IF NOT EXISTS b INT, DROP INDEX IF EXISTS c; \
            ALTER TABLE orders MODIFY COLUMN a TEXT NULL, ADD INDEX i (a, b), \
            ADD CONSTRAINT c UNIQUE (a), DEFAULT CHARACTER SET utf8mb4; \
            UPDATE orders JOIN line ON line.a = orders.a SET orders.b = 'ü''s';";
        let checked = check(mysql, Dialect::Mysql);
        assert!(checked.is_ok(), "{checked:?}");
    }

    #[test]
    fn whatever_reaches_past_the_grant_is_refused() {
        for script in [
            // Tables outside of the grant.
            "CREATE TABLE customer (id INT)",
            "CREATE TABLE other.orders (id INT)",
            "CREATE TABLE edge_release_log (id INT)",
            "CREATE INDEX i ON customer (id)",
            "CREATE INDEX i ON tax (id)",
            "CREATE INDEX Edge_Migrations_customer ON orders (id)",
            "ALTER TABLE customer ADD COLUMN a INT",
            "ALTER TABLE tax ADD COLUMN a INT",
            "INSERT INTO orders SELECT password FROM customer",
            "INSERT INTO customer VALUES (1)",
            "UPDATE customer SET role = 'merchant'",
            "UPDATE orders SET note = (SELECT password FROM customer LIMIT 1)",
            "DELETE FROM customer",
            "DELETE FROM tax",
            "CREATE TABLE line (id INT REFERENCES customer (id))",
            "CREATE TABLE line (id INT, FOREIGN KEY (id) REFERENCES customer (id))",
            "CREATE TABLE line (id INT, FOREIGN KEY (id) REFERENCES tax (id))",
            "ALTER TABLE line ADD COLUMN b INT REFERENCES customer (id)",
            "ALTER TABLE line ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES customer (id)",
            "CREATE TABLE line AS SELECT * FROM customer",
            "CREATE TABLE line LIKE customer",
            "CREATE TABLE line (LIKE customer)",
            "CREATE TABLE line (TABLE customer)",
            "CREATE TABLE line (VALUES customer)",
            "CREATE TABLE IF NOT EXISTS line (like customer)",
            "ALTER TABLE line ADD SYSTEM VERSIONING",
            "ALTER TABLE line ADD COLUMN a TEXT DEFAULT (CURRENT_USER)",
            "CREATE TABLE line (a INT DEFAULT (SELECT 1 FROM customer))",
            "CREATE TABLE line (a INT CHECK (a IN (SELECT id FROM customer)))",
            // Names that move a table into the grant, or out of it.
            "ALTER TABLE line RENAME TO customer",
            "ALTER TABLE customer RENAME TO line",
            "RENAME TABLE customer TO line",
            "ALTER TABLE line EXCHANGE PARTITION p WITH TABLE customer",
            "ALTER TABLE line SWAP WITH customer",
            // Statements other than changes of a table.
            "SELECT password FROM customer",
            "SELECT 1",
            "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM customer; END",
            "CREATE VIEW line AS SELECT * FROM customer",
            "CREATE TEMPORARY TABLE orders (a INT)",
            "CREATE TEMP TABLE orders (a INT)",
            "CREATE VIRTUAL TABLE line USING fts5(a)",
            "CREATE OR REPLACE TABLE orders (a INT)",
            "CREATE DATABASE x",
            "CREATE USER x",
            "CREATE FUNCTION f() RETURNS INT RETURN 1",
            "CREATE PROCEDURE p() SELECT 1",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM customer",
            "DROP TABLE orders",
            "DROP INDEX i",
            "TRUNCATE TABLE orders",
            "ATTACH DATABASE '/tmp/x' AS x",
            "DETACH DATABASE x",
            "PRAGMA writable_schema = 1",
            "VACUUM INTO '/tmp/x'",
            "REINDEX orders",
            "ANALYZE",
            "GRANT ALL ON *.* TO x",
            "SET GLOBAL general_log = 1",
            "SET @a = 1",
            "PREPARE p FROM 'DROP TABLE customer'",
            "EXECUTE p",
            "CALL p()",
            "DO SLEEP(5)",
            "LOAD DATA INFILE '/etc/passwd' INTO TABLE orders",
            "LOCK TABLES customer WRITE",
            "BEGIN",
            "COMMIT",
            // Functions.
            "UPDATE orders SET note = LOAD_FILE('/etc/passwd')",
            "UPDATE orders SET note = SLEEP(9)",
            "CREATE TABLE line (a INT DEFAULT (load_extension('x')))",
            "INSERT INTO orders VALUES (other.f())",
            // Parts that only one of two parsers sees.
            "INSERT INTO orders VALUES (1) END; DROP TABLE customer",
            "CREATE TABLE line (a INT) /*! ENGINE = FEDERATED */",
            "INSERT INTO orders VALUES ('\\'), (SELECT password FROM customer) -- ')",
            "INSERT INTO orders VALUES (?)",
        ] {
            for dialect in BOTH {
                let checked = check(script, dialect);
                assert!(checked.is_err(), "{dialect:?}: {script}: {checked:?}");
            }
        }
        for script in [
            "CREATE TABLE line (a INT) ENGINE = FEDERATED CONNECTION = 'mysql://x/y/customer'",
            "CREATE TABLE line (a INT) ENGINE = MERGE UNION = (customer)",
            "CREATE TABLE line (a INT) ENGINE = InnoDB DATA DIRECTORY = '/tmp'",
            "CREATE TABLE line (a INT) ENGINE = CSV",
            "CREATE TABLE line (a INT) ENGINE = CONNECT FILE_NAME = '/etc/passwd'",
            "CREATE TABLE line (a INT) ENGINE = InnoDB TABLESPACE other",
            "ALTER TABLE line ENGINE = FEDERATED",
            "ALTER TABLE line ENGINE = MERGE, UNION = (customer)",
            "ALTER TABLE line ENGINE = InnoDB DATA DIRECTORY = '/tmp'",
            "ALTER TABLE line UNION = (customer)",
            "ALTER TABLE line DISCARD TABLESPACE",
            "ALTER TABLE line IMPORT TABLESPACE",
            "ALTER TABLE line ADD COLUMN a INT, RENAME TO customer",
            "ALTER TABLE line ADD COLUMN a INT, RENAME customer",
            "ALTER TABLE `line` ENGINE = InnoDB, RENAME AS customer",
            "CREATE TABLE Line (a INT)",
        ] {
            let checked = check(script, Dialect::Mysql);
            assert!(checked.is_err(), "{script}: {checked:?}");
        }
    }

    /// SQLite computes a virtual column again in each place that uses it:
    /// columns that use each other twice take time exponential in their number.
    #[test]
    fn sqlite_has_stored_generated_columns_alone() {
        for (column, is_allowed) in [
            ("b INT GENERATED ALWAYS AS (a + a) STORED", true),
            ("b INT AS (a + a) STORED", true),
            ("b INT GENERATED ALWAYS AS (a + a) VIRTUAL", false),
            ("b INT GENERATED ALWAYS AS (a + a)", false),
            ("b INT AS (a + a)", false),
        ] {
            for script in [
                format!("CREATE TABLE line (a INT, {column})"),
                format!("ALTER TABLE line ADD COLUMN {column}"),
            ] {
                let checked = check(&script, Dialect::Sqlite);
                assert_eq!(checked.is_ok(), is_allowed, "{script}: {checked:?}");
            }
        }
    }

    #[test]
    fn sqlite_has_no_exact_decimals() {
        for (declared, is_allowed) in [
            ("DECIMAL(10, 2)", false),
            ("numeric", false),
            ("DEC(4)", false),
            ("TEXT", true),
            ("INTEGER", true),
        ] {
            for script in [
                format!("CREATE TABLE line (a INT, b {declared})"),
                format!("ALTER TABLE line ADD COLUMN b {declared}"),
            ] {
                let checked = check(&script, Dialect::Sqlite);
                assert_eq!(checked.is_ok(), is_allowed, "{script}: {checked:?}");
                assert!(check(&script, Dialect::Mysql).is_ok(), "{script}");
            }
        }
    }

    #[test]
    fn a_refusal_names_the_statement() {
        let script = "CREATE TABLE orders (id INT);\nDROP   TABLE\ncustomer;";
        let refused = check(script, Dialect::Sqlite).expect_err("DROP");
        assert_eq!(refused.statement, "DROP TABLE customer");
        assert!(refused.to_string().contains("and nothing else, in `DROP"));
    }
}
