//! Shapes of statements such as the shop's, and a search for changes of a result that the shapes
//! deny, over statements made by chance.

mod generated;

use std::collections::{HashMap, HashSet};

use super::{Change, ChangeKind, Columns, Dependency, RowSet, Shape};
use crate::sql::guard::{Guard, Kind, TableGrant};
use crate::sql::rows::KeyCell;
use crate::sql::{Dialect, Value};

const TABLES: [&str; 4] = ["product", "category", "product_category", "review"];

fn guard(dialect: Dialect) -> Guard {
    let grant = TableGrant {
        read: HashSet::new(),
        write: TABLES.map(str::to_owned).into(),
    };
    Guard::new(grant, dialect)
}

/// Returns the integer primary keys of the tables.
fn keys() -> HashMap<String, String> {
    let keys = [
        ("product", "product_id"),
        ("category", "category_id"),
        ("review", "review_id"),
    ];
    let keys = keys.map(|(table, key)| (table.to_owned(), key.to_owned()));
    keys.into()
}

fn shape(text: &str, kind: Kind, parameters: usize) -> Shape {
    let checked = guard(Dialect::Sqlite).check(text, kind, parameters);
    Shape::clone(&checked.expect("allowed").shape)
}

/// Returns what a SELECT depends on in `table` if its result has these rows of keys.
fn reads(text: &str, table: &str, parameters: &[Value], rows: &[&[i64]]) -> Dependency {
    let Shape::Read(shape) = shape(text, Kind::Query, parameters.len()) else {
        panic!("{text}: no SELECT");
    };
    let value = |row: usize, column: usize| KeyCell::Key(rows[row][column]);
    let mut dependencies = shape
        .dependencies(parameters, rows.len(), &keys(), value)
        .into_iter();
    let found = dependencies.find(|dependency| dependency.table == table);
    found.expect("the table is read")
}

fn changes(text: &str, parameters: &[Value]) -> Vec<Change> {
    let Shape::Write(shape) = shape(text, Kind::Change, parameters.len()) else {
        panic!("{text}: no change");
    };
    shape.changes(parameters, &keys())
}

fn affects(change: &str, parameters: &[Value], dependency: &Dependency) -> bool {
    let changes = changes(change, parameters);
    changes.iter().any(|change| change.affects(dependency))
}

const INT: fn(i64) -> Value = Value::Integer;

const PAGE: &str = "SELECT product_id, name, price FROM product WHERE display >= ? \
     ORDER BY product_id LIMIT 2";

#[test]
fn a_page_depends_on_its_rows_and_on_what_decides_on_them() {
    let page = reads(PAGE, "product", &[INT(1)], &[&[7, 0, 0], &[8, 0, 0]]);
    assert_eq!(page.rows, RowSet::Selected([7, 8].into()));
    let update = |column: &str, key| {
        let text = format!("UPDATE product SET {column} = ? WHERE product_id = ?");
        affects(&text, &[INT(1), INT(key)], &page)
    };
    assert!(update("price", 7));
    assert!(!update("price", 9), "another row");
    assert!(!update("stock", 7), "a column that is not read");
    assert!(update("display", 9), "a row may come in");
    assert!(update("product_id", 9), "a row may get another key");
    assert!(affects(
        "UPDATE product SET price = 1 WHERE stock = 0",
        &[],
        &page
    ));
    assert!(affects(
        "INSERT INTO product (name) VALUES (?)",
        &[INT(1)],
        &page
    ));
    assert!(affects(
        "DELETE FROM product WHERE product_id = 9",
        &[],
        &page
    ));
    assert!(!affects("DELETE FROM review", &[], &page));
}

#[test]
fn a_row_by_its_key_depends_on_nothing_else() {
    let text = "SELECT name, price FROM product WHERE product_id = ? AND display >= 0";
    let found = reads(text, "product", &[INT(7)], &[&[0, 0]]);
    assert_eq!(
        found.rows,
        RowSet::Fixed {
            key: 7,
            found: true
        }
    );
    let insert = "INSERT INTO product (name) VALUES ('x')";
    assert!(!affects(insert, &[], &found), "the key is taken");
    assert!(affects(
        "INSERT INTO product (name) VALUES ('x') ON CONFLICT DO UPDATE SET name = 'y'",
        &[],
        &found
    ));
    assert!(affects(
        "REPLACE INTO product (name) VALUES ('x')",
        &[],
        &found
    ));
    let delete = "DELETE FROM product WHERE product_id = ?";
    assert!(affects(delete, &[INT(7)], &found) && !affects(delete, &[INT(8)], &found));
    let absent = reads(text, "product", &[INT(7)], &[]);
    assert!(affects(insert, &[], &absent), "it may have got this key");
    let by_text = reads(text, "product", &[Value::Text("7".into())], &[]);
    assert_eq!(by_text.rows, RowSet::Any, "only integers are keys");
    let counted = reads(
        "SELECT COUNT(*) FROM product WHERE product_id = ?",
        "product",
        &[INT(7)],
        &[&[0]],
    );
    assert!(
        affects(insert, &[], &counted),
        "a count has a row in any case"
    );
}

#[test]
fn a_join_depends_on_each_of_its_tables() {
    let text = "SELECT p.product_id, p.name FROM product_category pc \
         JOIN product p ON p.product_id = pc.product_id WHERE pc.category_id = ? \
         ORDER BY p.product_id";
    let products = reads(text, "product", &[INT(3)], &[&[7, 0]]);
    assert_eq!(products.rows, RowSet::Selected([7].into()));
    assert!(products.membership.contains("product_id"));
    assert!(!products.membership.contains("name"), "{products:?}");
    let members = reads(text, "product_category", &[INT(3)], &[&[7, 0]]);
    assert_eq!(members.rows, RowSet::Any, "it has no integer key");
    assert!(!members.columns.contains("name"), "{members:?}");
}

#[test]
fn what_is_not_understood_depends_on_the_whole_table() {
    for text in [
        "SELECT DISTINCT product_id, name FROM product",
        "SELECT product_id, COUNT(*) FROM product GROUP BY name",
        "SELECT product_id, (SELECT MAX(price) FROM product) FROM product",
        "SELECT p.product_id FROM product p, product q",
        "SELECT product_id FROM product UNION SELECT product_id FROM product",
        "WITH p AS (SELECT product_id FROM product) SELECT product_id FROM p",
        "SELECT product_id FROM (SELECT product_id FROM product) x",
        "SELECT *, product_id FROM product",
        "SELECT price, ROW_NUMBER() OVER (ORDER BY price) FROM product",
    ] {
        let found = reads(text, "product", &[], &[]);
        assert_eq!(found.rows, RowSet::Any, "{text}");
    }
    let by_number = reads(
        "SELECT product_id, price FROM product ORDER BY 2",
        "product",
        &[],
        &[],
    );
    assert!(by_number.membership.contains("price"));
    let by_alias = reads(
        "SELECT product_id, price AS p FROM product ORDER BY P",
        "product",
        &[],
        &[],
    );
    assert!(by_alias.membership.contains("price"));
    for text in [
        "SELECT * FROM product",
        "SELECT p.* FROM product p",
        "SELECT 1 FROM product NATURAL JOIN review",
        "SELECT rowid FROM product",
    ] {
        assert_eq!(
            reads(text, "product", &[], &[]).columns,
            Columns::All,
            "{text}"
        );
    }
    let count = reads("SELECT COUNT(*) FROM product", "product", &[], &[]);
    assert!(!count.columns.contains("price"));
    let product = reads("SELECT stock * price FROM product", "product", &[], &[]);
    assert!(!product.columns.contains("name"));
}

#[test]
fn the_clock_and_chance_are_not_repeatable() {
    let is_repeatable = |dialect, text: &str| {
        let checked = guard(dialect).check(text, Kind::Query, 0).expect("allowed");
        matches!(&*checked.shape, Shape::Read(shape) if shape.is_repeatable)
    };
    for text in [
        "SELECT name FROM product WHERE stock > RAND()",
        "SELECT CURRENT_TIMESTAMP",
        "SELECT name FROM product FOR UPDATE",
        "SELECT UUID()",
        "SELECT UNIX_TIMESTAMP()",
    ] {
        assert!(!is_repeatable(Dialect::Mysql, text), "{text}");
    }
    assert!(!is_repeatable(
        Dialect::Sqlite,
        "SELECT strftime('%s', 'now')"
    ));
    assert!(!is_repeatable(Dialect::Sqlite, "SELECT random()"));
    for text in [
        "SELECT name FROM product",
        "SELECT DATE(created_on) FROM review",
        "SELECT now FROM product",
    ] {
        assert!(is_repeatable(Dialect::Mysql, text), "{text}");
    }
}

#[test]
fn an_update_changes_what_it_sets() {
    let kinds = |text: &str| {
        let changes = changes(text, &[]);
        changes
            .into_iter()
            .map(|change| (change.table, change.kind, change.key))
            .collect::<Vec<_>>()
    };
    let update = |columns: &[&str]| ChangeKind::Update(columns.iter().copied().collect());
    let product = || "product".to_owned();
    assert_eq!(
        kinds("UPDATE product SET Price = 1, name = price WHERE (product_id = 4 AND stock = 1)"),
        [(product(), update(&["price", "name"]), Some(4))]
    );
    assert_eq!(
        kinds("UPDATE product SET price = 1 WHERE product_id = 4 OR product_id = 5"),
        [(product(), update(&["price"]), None)]
    );
    assert_eq!(
        kinds("UPDATE OR REPLACE product SET price = 1 WHERE product_id = 4"),
        [(product(), ChangeKind::Rewrite, None)]
    );
    assert_eq!(
        kinds("INSERT OR REPLACE INTO product (price) VALUES (1)"),
        [(product(), ChangeKind::Rewrite, None)]
    );
}

fn mysql_shape(text: &str, kind: Kind, parameters: usize) -> Shape {
    let checked = guard(Dialect::Mysql).check(text, kind, parameters);
    Shape::clone(&checked.expect("allowed").shape)
}

fn mysql_rows(text: &str) -> RowSet {
    let Shape::Read(shape) = mysql_shape(text, Kind::Query, 0) else {
        panic!("{text}: no SELECT");
    };
    let dependencies = shape.dependencies(&[], 1, &keys(), |_, _| KeyCell::Other);
    dependencies.into_iter().next().expect("a table").rows
}

#[test]
fn operators_that_bind_differently_fix_no_row() {
    let with = |condition| mysql_rows(&format!("SELECT name FROM product WHERE {condition}"));
    assert!(matches!(
        with("stock = 1 AND product_id = 7"),
        RowSet::Fixed { key: 7, .. }
    ));
    for condition in [
        "stock = 1 XOR display = 1 AND product_id = 7",
        "stock & 1 = 1 AND product_id = 7",
        "stock || 1 AND product_id = 7",
    ] {
        assert_eq!(with(condition), RowSet::Any, "{condition}");
    }
    let change = "UPDATE product SET stock = 1 WHERE stock = 1 XOR display = 1 AND product_id = 7";
    let Shape::Write(shape) = mysql_shape(change, Kind::Change, 0) else {
        panic!("no change");
    };
    assert_eq!(shape.changes(&[], &keys())[0].key, None);
}

#[test]
fn a_join_in_parentheses_is_no_single_table() {
    let change = "UPDATE (product p JOIN review r ON r.rating = p.price) SET p.price = 9 \
         WHERE r.product_id = 3";
    let Shape::Write(shape) = mysql_shape(change, Kind::Change, 0) else {
        panic!("no change");
    };
    let changes = shape.changes(&[], &keys());
    assert!(
        changes.iter().all(|change| change.key.is_none()),
        "{changes:?}"
    );
}

#[test]
fn a_partition_depends_on_all_columns() {
    let text = "SELECT name FROM product PARTITION (p0)";
    let Shape::Read(shape) = mysql_shape(text, Kind::Query, 0) else {
        panic!("no SELECT");
    };
    assert_eq!(shape.tables[0].membership, Columns::All);
}

#[test]
fn relevance_depends_on_all_rows() {
    let text = "SELECT product_id, MATCH (name) AGAINST ('x') FROM product WHERE product_id = 7";
    assert_eq!(mysql_rows(text), RowSet::Any);
}

#[test]
fn times_of_day_read_the_clock_on_mysql() {
    for text in [
        "SELECT TIMESTAMP(MAKETIME(1, 2, 3)) FROM product",
        "SELECT name FROM product WHERE name > TIME '10:00:00'",
        "SELECT DEFAULT(name) FROM product",
    ] {
        let Shape::Read(shape) = mysql_shape(text, Kind::Query, 0) else {
            panic!("{text}: no SELECT");
        };
        assert!(!shape.is_repeatable, "{text}");
    }
}

#[test]
fn a_statement_of_many_words_depends_on_all_columns() {
    let words: String = (0..2000).map(|word| format!(", column_{word}")).collect();
    let text = format!("SELECT name{words} FROM product");
    let Shape::Read(shape) = shape(&text, Kind::Query, 0) else {
        panic!("no SELECT");
    };
    assert_eq!(shape.tables[0].columns, Columns::All);
}
