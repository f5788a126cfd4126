//! A SELECT and a change made by chance, on SQLite: where the shapes say that the change leaves the
//! result as it is, it does.
//!
//! `SHAPE_CASES` sets how many pairs are tried, and `SHAPE_SEED` repeats a run.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use rusqlite::Connection;
use rusqlite::types::Value as Cell;

use super::{guard, keys};
use crate::sql::guard::shape::{Change, Dependency};
use crate::sql::guard::{Kind, Shape};
use crate::sql::rows::KeyCell;
use crate::sql::{Dialect, Value};

/// Pairs that are tried in an ordinary run.
const CASES: u32 = 6000;

const SCHEMA: &str = "
    CREATE TABLE product (product_id INTEGER PRIMARY KEY, name TEXT UNIQUE, price INT, stock INT,
        display INT);
    CREATE TABLE category (category_id INTEGER PRIMARY KEY, name TEXT, department INT);
    CREATE TABLE product_category (product_id INT, category_id INT,
        PRIMARY KEY (product_id, category_id)) WITHOUT ROWID;
    CREATE TABLE review (review_id INTEGER PRIMARY KEY, product_id INT, rating INT, text TEXT);
    INSERT INTO product VALUES (1, 'a', 3, 0, 1), (2, 'b', 2, 5, 0), (3, 'c', 3, 5, 2),
        (4, 'd', 1, NULL, 1), (6, 'f', 2, 1, 1);
    INSERT INTO category VALUES (1, 'a', 1), (2, 'x', 1), (3, 'y', 2);
    INSERT INTO product_category VALUES (1, 1), (1, 2), (2, 1), (3, 3), (6, 2);
    INSERT INTO review VALUES (1, 1, 5, 'a'), (2, 1, 3, 'b'), (3, 2, 1, 'c'), (4, 9, 2, 'd');";

#[test]
fn no_result_changes_that_the_shapes_call_independent() {
    let variable = |name| std::env::var(name).ok()?.parse().ok();
    let seed: u64 = variable("SHAPE_SEED").unwrap_or_else(rand::random);
    let cases = variable("SHAPE_CASES").map_or(CASES, |cases| cases as u32);
    let mut chance = Chance(StdRng::seed_from_u64(seed));
    let database = Connection::open_in_memory().expect("a database");
    database.execute_batch(SCHEMA).expect("a schema");
    let mut independent = 0;
    for _ in 0..cases {
        let select = chance.select();
        let change = chance.change();
        let before = rows(&database, &select);
        let is_affected = {
            let dependencies = dependencies(&select, &before);
            let changes = changes(&change);
            let mut pairs = changes
                .iter()
                .flat_map(|change| dependencies.iter().map(move |one| (change, one)));
            pairs.any(|(change, dependency)| change.affects(dependency))
        };
        let after = after(&database, &change, &select);
        independent += u32::from(!is_affected);
        assert!(
            is_affected || before == after,
            "SHAPE_SEED={seed}: {change:?} changes the result of {select:?}:\n{before:?}\n{after:?}"
        );
    }
    assert!(
        independent > cases / 4,
        "only {independent} of {cases} pairs are independent: the shapes are too coarse"
    );
}

type Statement = (String, Vec<i64>);

fn parameters((_, numbers): &Statement) -> Vec<Value> {
    numbers
        .iter()
        .map(|number| Value::Integer(*number))
        .collect()
}

fn rows(database: &Connection, (text, numbers): &Statement) -> Vec<Vec<Cell>> {
    let mut statement = database.prepare_cached(text).unwrap_or_else(|error| {
        panic!("{text}: {error}");
    });
    let columns = statement.column_count();
    let parameters = rusqlite::params_from_iter(numbers);
    let rows = statement.query_map(parameters, |row| {
        (0..columns).map(|index| row.get(index)).collect()
    });
    let rows = rows.expect("a query").collect::<Result<_, _>>();
    rows.expect("rows")
}

/// Returns the rows of `select` after `change`, which is undone. A change that is refused changes
/// nothing.
fn after(
    database: &Connection,
    (change, numbers): &Statement,
    select: &Statement,
) -> Vec<Vec<Cell>> {
    database
        .execute_batch("SAVEPOINT change")
        .expect("a savepoint");
    let changing = database.execute(change, rusqlite::params_from_iter(numbers));
    if let Err(error) = changing {
        assert!(
            error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation),
            "{change}: {error}"
        );
    }
    let after = rows(database, select);
    database
        .execute_batch("ROLLBACK TO change; RELEASE change")
        .expect("undone");
    after
}

fn shape((text, numbers): &Statement, kind: Kind) -> Arc<Shape> {
    let checked = guard(Dialect::Sqlite).check(text, kind, numbers.len());
    checked
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .shape
}

fn dependencies(select: &Statement, rows: &[Vec<Cell>]) -> Vec<Dependency> {
    let value = |row: usize, column: usize| match rows[row][column] {
        Cell::Integer(key) => KeyCell::Key(key),
        Cell::Null => KeyCell::Null,
        _ => KeyCell::Other,
    };
    match &*shape(select, Kind::Query) {
        Shape::Read(shape) => shape.dependencies(&parameters(select), rows.len(), &keys(), value),
        Shape::Write(_) => panic!("{select:?}: no SELECT"),
    }
}

fn changes(change: &Statement) -> Vec<Change> {
    match &*shape(change, Kind::Change) {
        Shape::Write(shape) => shape.changes(&parameters(change), &keys()),
        Shape::Read(_) => panic!("{change:?}: no change"),
    }
}

/// Maker of statements.
struct Chance(StdRng);

impl Chance {
    fn number(&mut self, most: u32) -> u32 {
        self.0.random_range(0..=most)
    }

    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.number(texts.len() as u32 - 1) as usize]
    }

    fn value(&mut self) -> i64 {
        i64::from(self.number(7))
    }

    fn select(&mut self) -> Statement {
        match self.number(11) {
            0..=2 => self.simple(),
            3..=4 => self.join(),
            5 => self.derived(),
            6 => {
                let text = "SELECT category_id, name FROM category c WHERE EXISTS (SELECT 1 \
                     FROM product_category pc JOIN product p ON p.product_id = pc.product_id \
                     WHERE pc.category_id = c.category_id AND p.stock > ?) ORDER BY category_id";
                (text.to_owned(), vec![self.value()])
            }
            7 => self.aggregate(),
            8 => {
                let text = "SELECT c.name, (SELECT MAX(p.price) FROM product p \
                     JOIN product_category pc USING (product_id) \
                     WHERE pc.category_id = c.category_id AND p.display >= ?) FROM category c";
                (text.to_owned(), vec![self.value()])
            }
            9 => {
                let (own, mut numbers) = self.simple_of("SELECT name, price FROM product", "");
                let (other, others) = self.condition("product", "");
                numbers.extend(others);
                (
                    format!(
                        "{own} UNION SELECT text, rating FROM review WHERE product_id IN \
                         (SELECT product_id FROM product{other})"
                    ),
                    numbers,
                )
            }
            10 => {
                let (inner, numbers) = self.simple();
                (format!("WITH x AS ({inner}) SELECT * FROM x"), numbers)
            }
            _ => {
                let list = self.one_of(&["*", "product.name, rating", "review_id, price"]);
                (
                    format!("SELECT {list} FROM review NATURAL JOIN product"),
                    vec![],
                )
            }
        }
    }

    fn simple(&mut self) -> Statement {
        let list = self.one_of(&[
            "product_id, name",
            "name, product_id, price",
            "name, price",
            "price AS name, product_id AS p, stock + 1 AS s",
            "product_id, price * 2",
            "*",
            "product.*, product_id",
            "rowid, name",
            "'price', product_id",
            "\"price\", product_id",
        ]);
        let select = format!("SELECT {list} FROM product");
        let (mut text, numbers) = self.simple_of(&select, "");
        let order = match list {
            "price AS name, product_id AS p, stock + 1 AS s" => self.one_of(&[
                "",
                " ORDER BY s, 2",
                " ORDER BY P",
                " ORDER BY name, product_id",
            ]),
            _ => self.one_of(&[
                "",
                " ORDER BY 2",
                " ORDER BY (2), 1",
                " ORDER BY product_id DESC",
                " ORDER BY price, product_id",
                " ORDER BY stock * price, product_id",
            ]),
        };
        let limit = self.one_of(&["", "", " LIMIT 2", " LIMIT 2 OFFSET 1"]);
        // Which rows LIMIT leaves is open unless the order is decided by a unique key.
        text += match order.contains("product_id") || limit.is_empty() {
            true => order,
            false => " ORDER BY product_id",
        };
        text += limit;
        (text, numbers)
    }

    fn simple_of(&mut self, select: &str, alias: &str) -> Statement {
        let (condition, numbers) = self.condition("product", alias);
        (format!("{select}{condition}"), numbers)
    }

    fn join(&mut self) -> Statement {
        let list = self.one_of(&[
            "p.product_id, p.name, r.review_id, r.rating",
            "r.review_id, p.price, r.text",
            "p.*, r.review_id",
            "p.name, rating, stock",
        ]);
        let kind = self.one_of(&["JOIN", "LEFT JOIN", "INNER JOIN"]);
        let (condition, numbers) = self.condition("product", "p.");
        let order = self.one_of(&[
            "",
            " ORDER BY p.price, review_id",
            " ORDER BY 2, r.review_id",
        ]);
        (
            format!(
                "SELECT {list} FROM product p {kind} review r ON r.product_id = \
                 p.product_id{condition}{order}"
            ),
            numbers,
        )
    }

    fn derived(&mut self) -> Statement {
        let (condition, numbers) = self.condition("product", "");
        (
            format!(
                "SELECT p.product_id, p.name, x.many FROM (SELECT product_id, COUNT(*) AS many \
                 FROM review GROUP BY product_id) x JOIN product p ON p.product_id = \
                 x.product_id WHERE p.product_id IN (SELECT product_id FROM product{condition}) \
                 ORDER BY p.product_id"
            ),
            numbers,
        )
    }

    fn aggregate(&mut self) -> Statement {
        let (condition, numbers) = self.condition("product", "");
        let list = self.one_of(&[
            "COUNT(*)",
            "MAX(price), product_id",
            "SUM(stock), COUNT(name)",
        ]);
        let group = self.one_of(&[
            "",
            " GROUP BY display",
            " GROUP BY display HAVING COUNT(*) > 1",
        ]);
        (
            format!("SELECT {list} FROM product{condition}{group}"),
            numbers,
        )
    }

    /// Returns a WHERE clause over a table, or none.
    fn condition(&mut self, table: &str, alias: &str) -> Statement {
        let columns: &[&'static str] = match table {
            "product" => &["product_id", "product_id", "price", "stock", "display"],
            "category" => &["category_id", "department"],
            "product_category" => &["product_id", "category_id"],
            _ => &["review_id", "product_id", "rating"],
        };
        let mut text = String::new();
        let mut numbers = Vec::new();
        for index in 0..self.number(2) {
            let column = self.one_of(columns);
            let between = match index {
                0 => " WHERE",
                _ => self.one_of(&[" AND", " AND", " OR"]),
            };
            let comparison = self.one_of(&["=", "=", ">", "<>"]);
            text += &match self.number(4) {
                0 => format!("{between} ? {comparison} {alias}{column}"),
                1 => format!("{between} ({alias}{column} {comparison} ?)"),
                _ => format!("{between} {alias}{column} {comparison} ?"),
            };
            numbers.push(self.value());
        }
        (text, numbers)
    }

    fn change(&mut self) -> Statement {
        let table = self.one_of(&[
            "product",
            "product",
            "category",
            "product_category",
            "review",
        ]);
        match self.number(9) {
            0..=5 => self.update(table),
            6 => {
                let (condition, numbers) = self.condition(table, "");
                (format!("DELETE FROM {table}{condition}"), numbers)
            }
            _ => self.insert(table),
        }
    }

    fn update(&mut self, table: &str) -> Statement {
        let or = self.one_of(&["", "", "", "OR REPLACE ", "OR IGNORE "]);
        let set = match table {
            "product" => self.one_of(&[
                "price = ?",
                "stock = ?",
                "\"display\" = ?",
                "name = char(97 + ?)",
                "product_id = ?",
                "rowid = ?",
                "(price, stock) = (?, 1)",
                "price = stock + ?",
            ]),
            "category" => self.one_of(&["name = ?", "department = ?", "category_id = ?"]),
            "product_category" => self.one_of(&["product_id = ?", "category_id = ?"]),
            _ => self.one_of(&["rating = ?", "text = ?", "product_id = ?"]),
        };
        let mut numbers = vec![self.value()];
        if table == "product" && self.number(9) == 0 {
            let text = "UPDATE product SET stock = ? FROM review r WHERE r.product_id = \
                 product.product_id AND r.rating > 2";
            return (text.to_owned(), numbers);
        }
        let (condition, others) = self.condition(table, "");
        numbers.extend(others);
        (format!("UPDATE {or}{table} SET {set}{condition}"), numbers)
    }

    fn insert(&mut self, table: &str) -> Statement {
        let text = match table {
            "product" => self.one_of(&[
                "INSERT INTO product (name, price, stock, display) VALUES ('new', ?, 2, 1)",
                "INSERT INTO product (product_id, name, price) VALUES (?, 'new', 2)",
                "INSERT OR REPLACE INTO product (name, price) VALUES ('b', ?)",
                "INSERT OR IGNORE INTO product (name, price) VALUES ('b', ?)",
                "REPLACE INTO product (product_id, name) VALUES (?, 'new')",
                "INSERT INTO product (name, price) VALUES ('c', ?) ON CONFLICT (name) DO UPDATE \
                 SET stock = 7",
                "INSERT INTO product (name, price) VALUES ('c', ?) ON CONFLICT DO NOTHING",
                "INSERT INTO product (name, price) SELECT 'new', rating FROM review \
                 WHERE review_id = ?",
            ]),
            "category" => "INSERT INTO category (name, department) VALUES ('new', ?)",
            "product_category" => "INSERT INTO product_category VALUES (4, ?)",
            _ => "INSERT INTO review (product_id, rating) VALUES (?, 4)",
        };
        (text.to_owned(), vec![self.value()])
    }
}
