//! Tests of the guard: statements that pass and statements that are refused, in
//! both dialects.

use super::*;

fn guard(dialect: SqlDialect) -> Guard {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let grant = TableGrant {
        read: set(&["tax"]),
        write: set(&["orders", "product"]),
    };
    Guard::new(grant, dialect)
}

fn check(text: &str, kind: Kind) -> [Result<Checked, Error>; 2] {
    check_with(text, kind, text.matches('?').count())
}

fn check_with(text: &str, kind: Kind, parameters: usize) -> [Result<Checked, Error>; 2] {
    [SqlDialect::Sqlite, SqlDialect::Mysql]
        .map(|dialect| guard(dialect).check(text, kind, parameters))
}

#[test]
fn every_parameter_is_given() {
    let text = "SELECT '?', order_id FROM orders WHERE name = ? AND order_id IN (?, ?) LIMIT ?";
    for verdict in check_with(text, Kind::Query, 4) {
        assert!(verdict.is_ok(), "{verdict:?}");
    }
    for given in [0, 3, 5] {
        for verdict in check_with(text, Kind::Query, given) {
            assert!(
                matches!(verdict, Err(Error::Invalid(_))),
                "{given}: {verdict:?}"
            );
        }
    }
    for verdict in check_with(
        "SELECT order_id FROM orders WHERE name = ?1",
        Kind::Query,
        1,
    ) {
        assert!(matches!(verdict, Err(Error::Denied(_))), "{verdict:?}");
    }
}

#[test]
fn granted_statements_pass_on_both_dialects() {
    let queries = [
        "SELECT * FROM orders o JOIN tax t ON t.tax_id = o.tax_id WHERE o.order_id IN (?, ?)",
        "WITH recent AS (SELECT * FROM orders) SELECT COUNT(*) FROM recent",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
        "SELECT 1 UNION ALL SELECT 2",
        "SELECT (SELECT MAX(tax_id) FROM tax), x.a FROM (SELECT 1 AS a) x",
    ];
    let changes = [
        "INSERT INTO orders (order_id, name) VALUES (?, ?), (?, ?)",
        "INSERT INTO orders (tax_id) SELECT tax_id FROM tax",
        "UPDATE product SET quantity = quantity - 1 WHERE product_id = ? AND quantity >= 1",
        "DELETE FROM orders WHERE tax_id NOT IN (SELECT tax_id FROM tax)",
    ];
    for (texts, kind) in [(&queries[..], Kind::Query), (&changes[..], Kind::Change)] {
        for text in texts {
            for verdict in check(text, kind) {
                assert!(verdict.is_ok(), "{text}: {verdict:?}");
            }
        }
    }
}

#[test]
fn what_is_not_granted_is_denied() {
    let queries = [
        "SELECT * FROM customer",
        "SELECT * FROM tax, customer",
        "SELECT * FROM tax WHERE EXISTS (SELECT 1 FROM customer)",
        "SELECT * FROM other.orders",
        "SELECT * FROM orders UNION SELECT * FROM customer",
        // MySQL reads the table here, although the name is defined above it.
        "WITH customer AS (SELECT * FROM customer) SELECT * FROM customer",
        "SELECT * FROM (WITH customer AS (SELECT 1) SELECT * FROM customer) x, customer",
        "SELECT load_file('/etc/passwd')",
        "SELECT sleep(5)",
        "SELECT @a",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM information_schema.tables",
        "SELECT /*! password FROM customer -- */ 1",
        "SELECT name FROM orders ORDER BY (SELECT 1 FROM customer)",
        "SELECT name FROM orders LIMIT (SELECT 1 FROM customer)",
        "SELECT COUNT(*) OVER (ORDER BY (SELECT 1 FROM customer)) FROM orders",
        "SELECT 1 FROM orders WINDOW w AS (ORDER BY (SELECT 1 FROM customer))",
        "SELECT GROUP_CONCAT(name ORDER BY (SELECT 1 FROM customer)) FROM orders",
        "SELECT 1 FROM orders GROUP BY (SELECT 1 FROM customer)",
        "SELECT 1 FROM orders o JOIN tax t ON (SELECT 1 FROM customer) = 1",
        "SELECT CASE (SELECT 1 FROM customer) WHEN 1 THEN 2 END",
        "SELECT CAST((SELECT password FROM customer) AS CHAR(10))",
        "VALUES ((SELECT password FROM customer))",
        "DELETE FROM orders",
    ];
    for text in queries {
        for verdict in check(text, Kind::Query) {
            assert!(
                matches!(verdict, Err(Error::Denied(_))),
                "{text}: {verdict:?}"
            );
        }
    }
    let changes = [
        "UPDATE tax SET tax_id = 1",
        "INSERT INTO tax (tax_id) VALUES (1)",
        "DELETE FROM tax",
        "UPDATE orders SET name = (SELECT password FROM customer LIMIT 1)",
        "UPDATE orders SET name = 'a' WHERE name = (SELECT password FROM customer)",
        "DELETE FROM orders WHERE 1 = 1 ORDER BY (SELECT 1 FROM customer) LIMIT 1",
        "DELETE FROM orders RETURNING (SELECT password FROM customer)",
        "INSERT INTO orders (name) VALUES ('a') RETURNING (SELECT password FROM customer)",
        "INSERT INTO orders (name) VALUES ((SELECT password FROM customer))",
        "REPLACE INTO orders (name) SELECT password FROM customer",
        "DROP TABLE orders",
        "CREATE TABLE x (a INT)",
        "SELECT 1",
    ];
    for text in changes {
        for verdict in check(text, Kind::Change) {
            assert!(
                matches!(verdict, Err(Error::Denied(_))),
                "{text}: {verdict:?}"
            );
        }
    }
}

#[test]
fn what_happens_on_a_conflict_is_under_the_grant() {
    for (dialect, text) in [
        (
            SqlDialect::Mysql,
            "INSERT INTO orders (name) VALUES ('a') ON DUPLICATE KEY UPDATE name = (SELECT password FROM customer)",
        ),
        (
            SqlDialect::Sqlite,
            "INSERT INTO orders (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET name = (SELECT password FROM customer)",
        ),
        (
            SqlDialect::Sqlite,
            "INSERT INTO orders (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET name = 'b' WHERE (SELECT 1 FROM customer)",
        ),
    ] {
        let verdict = guard(dialect).check(text, Kind::Change, 0);
        assert!(
            matches!(verdict, Err(Error::Denied(_))),
            "{text}: {verdict:?}"
        );
    }
}

/// A name that is a table-valued function only with arguments is a table's
/// without.
#[test]
fn a_function_in_from_is_called() {
    for verdict in check("SELECT * FROM json_each", Kind::Query) {
        assert!(matches!(verdict, Err(Error::Denied(_))), "{verdict:?}");
    }
    let called = "SELECT value FROM json_each('[1]')";
    let verdict = guard(SqlDialect::Sqlite).check(called, Kind::Query, 0);
    assert!(verdict.is_ok(), "{verdict:?}");
}

#[test]
fn functions_without_parentheses_are_functions() {
    for name in ["CURRENT_USER", "current_role", "ROWNUM"] {
        for verdict in check(&format!("SELECT {name} FROM orders"), Kind::Query) {
            assert!(
                matches!(verdict, Err(Error::Denied(_))),
                "{name}: {verdict:?}"
            );
        }
    }
}

/// SQLite would plan each of these for hours, and take all memory.
#[test]
fn names_of_with_do_not_multiply() {
    let chain = |forward: bool, name: &dyn Fn(usize) -> String| {
        let mut parts = vec![format!("{} AS (SELECT 1 AS x)", name(0))];
        for n in 1..40 {
            let before = name(n - 1);
            parts.push(format!(
                "{} AS (SELECT p.x FROM {before} p, {before} q)",
                name(n)
            ));
        }
        if !forward {
            parts.reverse();
        }
        format!("WITH {} SELECT 1 FROM {}", parts.join(", "), name(39))
    };
    for text in [
        chain(true, &|n| format!("a{n}")),
        chain(false, &|n| format!("a{n}")),
        chain(true, &|n| {
            format!("{}{n}", if n % 2 == 0 { "a" } else { "A" })
        }),
    ] {
        for verdict in check(&text, Kind::Query) {
            assert!(
                matches!(verdict, Err(Error::Denied(_))),
                "{text}: {verdict:?}"
            );
        }
    }
}

#[test]
fn a_joined_update_needs_every_table_to_be_writable() {
    let text = "UPDATE orders o JOIN tax t ON t.tax_id = o.tax_id SET t.tax_id = 1";
    let verdict = guard(SqlDialect::Mysql).check(text, Kind::Change, 0);
    assert!(matches!(verdict, Err(Error::Denied(_))), "{verdict:?}");
}

/// A thread of the runtime has a stack of 2 MiB, and an overflow ends the node.
#[test]
fn no_depth_overflows_the_stack() {
    let repeated = |text: &str| text.repeat((MAX_TEXT - 1024) / text.len());
    let open = |text: &str, inner: &str, close: &str| {
        let depth = (MAX_TEXT - 1024) / (text.len() + close.len());
        format!("{}{inner}{}", text.repeat(depth), close.repeat(depth))
    };
    let texts = [
        format!("SELECT 1{}", repeated("+1")),
        format!("SELECT 1{}", "+1".repeat(1400)),
        format!(
            "SELECT {}1{}",
            "(".repeat(20),
            format!("{})", "+1".repeat(65)).repeat(20)
        ),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(490)),
        format!("SELECT 1{}", repeated(" AND 1")),
        format!("SELECT 1{}", repeated("||'a'")),
        format!("SELECT 1{}", repeated(" UNION SELECT 1")),
        format!("SELECT {}1", repeated("NOT ")),
        format!("SELECT {}1", repeated("- ")),
        format!("SELECT a{}", repeated(".a")),
        format!("SELECT a{}", repeated(" IS NULL")),
        format!("SELECT a{}", repeated(" COLLATE b")),
        format!("SELECT 1 FROM orders{}", repeated(" JOIN orders")),
        format!("SELECT {}", open("(", "1", ")")),
        format!("SELECT {}", open("(SELECT ", "1", ")")),
        format!("SELECT {}", open("LOWER(", "1", ")")),
        format!("SELECT {}", open("CASE WHEN 1 THEN ", "1", " END")),
        format!("SELECT * FROM {}", open("(", "orders", ")")),
        open("(", "SELECT 1", ")"),
        repeated("WITH a AS ("),
    ];
    for text in texts {
        let checking = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || {
                let [sqlite, mysql] = check_with(&text, Kind::Query, 0);
                (text, sqlite.is_ok(), mysql.is_ok())
            });
        let (text, ..) = checking.expect("a thread").join().expect("no panic");
        drop(text);
    }
}

#[test]
fn what_is_no_statement_is_invalid() {
    for text in [
        "",
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE orders",
    ] {
        for verdict in check(text, Kind::Query) {
            assert!(
                matches!(verdict, Err(Error::Invalid(_))),
                "{text}: {verdict:?}"
            );
        }
    }
}

/// MySQL runs a stored function of the name if it has no built-in one, or if a
/// blank precedes the parenthesis.
#[test]
fn on_mysql_no_name_is_a_stored_functions() {
    for text in [
        "SELECT TOTAL(order_id) FROM orders",
        "SELECT iif(1, 2, 3)",
        "SELECT COUNT (order_id) FROM orders",
        "SELECT max\n(order_id) FROM orders",
        "SELECT 1 FROM orders WHERE order_id = (SELECT MIN (tax_id) FROM tax)",
    ] {
        let verdict = guard(SqlDialect::Mysql).check(text, Kind::Query, 0);
        assert!(
            matches!(verdict, Err(Error::Denied(_))),
            "{text}: {verdict:?}"
        );
    }
    for (dialect, text) in [
        (SqlDialect::Sqlite, "SELECT TOTAL (order_id) FROM orders"),
        (
            SqlDialect::Mysql,
            "SELECT COUNT(order_id), LOWER (name) FROM orders WHERE name IN ('a')",
        ),
    ] {
        let verdict = guard(dialect).check(text, Kind::Query, 0);
        assert!(verdict.is_ok(), "{text}: {verdict:?}");
    }
}

/// The parser's own loop over statements stops at the word, and reports
/// success.
#[test]
fn nothing_follows_the_word_end() {
    for text in [
        "SELECT 1 END UNION SELECT password FROM customer",
        "SELECT name FROM orders END LIMIT 1; UPDATE customer SET name = 'a'",
        "SELECT 1 END END",
    ] {
        for verdict in check(text, Kind::Query) {
            assert!(verdict.is_err(), "{text}: {verdict:?}");
        }
    }
}
