//! Texts made by chance from ordinary statements.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Statements to begin with: some within the grant, some that try to leave it.
const SEEDS: &[&str] = &[
    "SELECT * FROM tax",
    "SELECT name FROM orders WHERE order_id = 1",
    "SELECT t . name , COUNT(*) FROM tax AS t JOIN orders o ON o . order_id = t . tax_id GROUP BY t . name",
    "SELECT name FROM tax UNION ALL SELECT name FROM orders ORDER BY name LIMIT 1",
    "SELECT ( SELECT MAX(tax_id) FROM tax ) , x . a FROM ( SELECT 1 AS a ) x",
    "WITH recent AS ( SELECT * FROM orders ) SELECT COUNT(*) FROM recent",
    "WITH RECURSIVE n ( i ) AS ( SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9 ) SELECT i FROM n",
    "SELECT * FROM tax WHERE EXISTS ( SELECT 1 FROM orders WHERE orders . name = tax . name )",
    "SELECT CASE WHEN tax_id IN ( 1 , 2 ) THEN name ELSE 'x' END FROM tax",
    "SELECT name FROM orders FOR UPDATE",
    "INSERT INTO orders ( order_id , name ) VALUES ( 1 , 'a' ) , ( 2 , 'b' )",
    "INSERT INTO orders ( order_id , name ) SELECT tax_id , name FROM tax",
    "UPDATE orders SET name = 'x' WHERE order_id IN ( SELECT tax_id FROM tax )",
    "DELETE FROM orders WHERE name = 'a'",
    "SELECT 1 END UNION SELECT name FROM secret",
    "SELECT name FROM orders END LIMIT 1 ; UPDATE secret SET name = 'x'",
    "WITH secret AS ( SELECT 1 AS name ) SELECT name FROM secret",
    "WITH x AS ( WITH secret AS ( SELECT 1 AS a ) SELECT a FROM secret ) SELECT * FROM x , secret",
    "SELECT * FROM ( SELECT 1 AS name ) AS secret",
    "UPDATE orders AS secret SET name = 'x'",
    "DELETE FROM orders WHERE order_id IN ( SELECT secret_id FROM secret )",
    "DELETE o FROM orders AS o JOIN orders AS secret ON o . order_id = secret . order_id",
    "UPDATE orders AS o JOIN orders AS p ON o . order_id = p . order_id SET o . name = p . name",
    "INSERT INTO orders SET name = 'a' ON DUPLICATE KEY UPDATE name = VALUES(name)",
    "REPLACE INTO orders ( order_id , name ) SELECT * FROM tax RETURNING name",
    "SELECT name , SUM(tax_id) OVER w FROM tax WINDOW w AS ( PARTITION BY name ORDER BY tax_id )",
    "SELECT * FROM tax NATURAL JOIN ( orders CROSS JOIN tax AS x ) USE INDEX ( x )",
];

/// What stands in for a word, or comes between two.
const PIECES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "UNION",
    "UNION ALL",
    "INTERSECT",
    "EXCEPT",
    "AS",
    "END",
    "JOIN",
    "LEFT JOIN",
    "CROSS JOIN",
    "NATURAL JOIN",
    "STRAIGHT_JOIN",
    "ON",
    "USING",
    "IN",
    "NOT",
    "EXISTS",
    "WITH",
    "RECURSIVE",
    "VALUES",
    "ROW",
    "TABLE",
    "INTO",
    "INSERT INTO",
    "REPLACE INTO",
    "UPDATE",
    "SET",
    "DELETE FROM",
    "ORDER BY",
    "GROUP BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "FOR UPDATE",
    "FOR SHARE",
    "LOCK IN SHARE MODE",
    "OF",
    "NOWAIT",
    "SKIP LOCKED",
    "LATERAL",
    "PARTITION",
    "WINDOW",
    "OVER",
    "RETURNING",
    "ON CONFLICT DO NOTHING",
    "ON DUPLICATE KEY UPDATE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "IS",
    "NULL",
    "LIKE",
    "ESCAPE",
    "BETWEEN",
    "AND",
    "OR",
    "COLLATE",
    "BINARY",
    "INTERVAL",
    "CAST ( name AS CHAR )",
    "DISTINCT",
    "ALL",
    "ANY",
    "INDEXED BY",
    "USE INDEX",
    "IGNORE",
    "PROCEDURE ANALYSE ( )",
    "OUTFILE",
    "DUAL",
    "DEFAULT",
    "BEGIN",
    "COMMIT",
    "DROP TABLE",
    "( ",
    ")",
    ",",
    ";",
    ".",
    "*",
    "=",
    "<",
    ">",
    "+",
    "-",
    "||",
    "->",
    "->>",
    ":=",
    "?",
    "?1",
    ":a",
    "$a",
    "@a",
    "@@version",
    "1",
    "0",
    "1.",
    ".1",
    "1e1",
    "0x61",
    "x'61'",
    "N'a'",
    "_utf8'a'",
    "b'1'",
    "'a'",
    "''",
    "'",
    "\"",
    "\"secret\"",
    "`",
    "`secret`",
    "[secret]",
    "\\",
    "\\'",
    "--",
    "-- ",
    "#",
    "/*",
    "*/",
    "/*!",
    "/*+",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\0",
    "\u{a0}",
    "\u{feff}",
    "\u{3000}",
    "\u{1680}",
    "\u{212a}",
    "$$",
    "secret",
    "SECRET",
    "Secret",
    "tax",
    "orders",
    "name",
    "secret_id",
    "secret . name",
    "every_secret",
    "recent",
    "n",
    "x",
    "main . secret",
    "test . secret",
    "mysql . user",
    "information_schema . tables",
    "sqlite_master",
    "sqlite_schema",
    "pragma_table_info ( 'secret' )",
    "json_each ( '[1]' )",
    "leak ( )",
    "test . leak ( )",
    "counter",
    "NEXTVAL ( counter )",
    "NEXT VALUE FOR counter",
    "LASTVAL ( counter )",
    "USER ( )",
    "COUNT ( * )",
    "MAX ( name )",
    "GROUP_CONCAT ( name )",
    "LOAD_FILE ( '/etc/passwd' )",
    "load_extension ( 'x' )",
    "DATABASE ( )",
    "IS_FREE_LOCK ( 'x' )",
    "CURRENT_USER",
    "CURRENT_ROLE",
    "json_each",
    "PARTITION ( p0 )",
    "FOR SYSTEM_TIME ALL",
    "AS OF",
    "NATURAL LEFT JOIN",
    "WITH ROLLUP",
    "FETCH FIRST 1 ROWS ONLY",
    "CONVERT ( name USING utf8 )",
    "MATCH ( name ) AGAINST ( 'a' )",
    "DEFAULT ( secret . name )",
    "secret . *",
    "VALUES ROW",
    "DELAYED",
    "LOW_PRIORITY",
    "SQL_CALC_FOUND_ROWS",
    "ROWNUM",
];

/// Most changes to one statement.
const MOST: usize = 4;

/// The texts of one seed.
pub struct Texts(StdRng);

impl Texts {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// The next one.
    pub fn next_text(&mut self) -> String {
        let mut words = self.seed();
        for _ in 0..self.0.random_range(0..=MOST) {
            self.change(&mut words);
        }
        self.join(&words)
    }

    fn seed(&mut self) -> Vec<&'static str> {
        let seed = SEEDS.choose(&mut self.0).expect("seeds");
        seed.split(' ').collect()
    }

    fn piece(&mut self) -> &'static str {
        PIECES.choose(&mut self.0).expect("pieces")
    }

    fn change(&mut self, words: &mut Vec<&'static str>) {
        let place = self.0.random_range(0..=words.len());
        let at = place.min(words.len().saturating_sub(1));
        match self.0.random_range(0..6) {
            0 | 1 => words.insert(place, self.piece()),
            2 | 3 if !words.is_empty() => words[at] = self.piece(),
            4 if !words.is_empty() => {
                words.remove(at);
            }
            _ => {
                let other = self.seed();
                let from = self.0.random_range(0..other.len());
                words.truncate(place);
                words.extend(&other[from..]);
            }
        }
    }

    /// Most words are apart by a blank, and some by none.
    fn join(&mut self, words: &[&str]) -> String {
        let mut text = String::new();
        for word in words {
            let is_apart = self.0.random_range(0..12) > 0;
            if is_apart && !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }
}
