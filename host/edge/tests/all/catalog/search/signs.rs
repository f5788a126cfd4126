//! Queries that no shopper means well with, or that are longer than any
//! means: nothing is an error, and nothing is syntax of a database.

use super::{LONG, Words, found, path};
use crate::catalog::database::Database;
use crate::catalog::shop::Shop;

/// Queries, and the query that is the same to a reader.
const SAME: &[(&str, &str)] = &[
    ("moon%", "moon"),
    ("%moon%", "moon"),
    ("moon*", "moon"),
    ("*moon*", "moon"),
    ("+moon", "moon"),
    ("(moon)", "moon"),
    ("~moon", "moon"),
    (">moon <", "moon"),
    ("@moon", "moon"),
    ("moon\\", "moon"),
    ("moon\0", "moon"),
    ("\0moon\u{7}", "moon"),
    ("moon\u{feff}", "moon"),
    ("\u{202e}moon", "moon"),
    ("moon'", "moon"),
    ("''moon''", "moon"),
    ("`moon`", "moon"),
    ("moon\r\n\ttrain", "moon train"),
    ("saturn\u{a0}moon", "saturn moon"),
    ("saturn_moon", "saturn moon"),
    ("saturn/moon", "saturn moon"),
    ("saturn\0moon", "saturn moon"),
    ("<b>moon</b>", "b moon"),
    ("moon moon MOON môon", "moon"),
    ("+ - ( @5", "5"),
    ("100%", "100"),
    ("\"moon", "\"moon\""),
    ("\"dark shirt", "\"dark shirt\""),
    ("\"dark shirt\" \"", "\"dark shirt\""),
    ("dark \"shirt", "dark \"shirt\""),
    ("moon -", "moon"),
    ("moon --", "moon"),
    ("moon -\"\"", "moon"),
    ("moon -*", "moon"),
    ("moon AND train", "moon and train"),
    ("moon NEAR/3 train", "moon near 3 train"),
    ("name:moon", "name moon"),
    ("' OR 1=1 --", "or 1"),
    ("moon\" OR \"\"=\"", "moon or"),
];

/// Queries that find nothing.
const NOTHING: &[&str] = &[
    "%",
    "_",
    "+",
    "-",
    "--",
    "*",
    "\\",
    "\"",
    "\"\"",
    "\"\"\"",
    "'",
    "(",
    "()",
    "@",
    "@@",
    "<>",
    "~",
    "\0",
    "\u{202e}",
    "\u{301}",
    "-\"",
    "''",
    "'; DROP TABLE product; --",
    "moon'; DROP TABLE product; --",
    "moon) UNION SELECT name, password FROM customer --",
];

#[tokio::test]
async fn signs_separate_words_and_do_nothing_else() {
    for shop in Shop::both().await {
        for words in [Words::All, Words::Any] {
            for (query, same) in SAME {
                let odd = shop.json(&path(query, words)).await;
                let plain = shop.json(&path(same, words)).await;
                assert_eq!(odd, plain, "{:?}: {query:?}", shop.store);
            }
        }
        assert_ne!(found(&shop, "moon", Words::All).await, [0; 0]);
        for query in NOTHING {
            let found = found(&shop, query, Words::All).await;
            assert_eq!(found, [0; 0], "{:?}: {query:?}", shop.store);
        }
        let all = shop.json("/products").await;
        assert_eq!(all["count"], 116, "{:?}", shop.store);
    }
}

#[tokio::test]
async fn what_is_not_text_is_refused() {
    for shop in Shop::both().await {
        for bytes in ["%ff", "arc%c3", "%ED%A0%80"] {
            let reply = shop
                .get(&format!("/products/search?query_string={bytes}"))
                .await;
            let error = &reply.json()["error"];
            assert_eq!(reply.status, 400, "{reply:?}");
            assert_eq!(error["code"], "HTTP_400", "{reply:?}");
            assert_eq!(error["field"], "query_string", "{reply:?}");
        }
    }
}

#[tokio::test]
async fn common_words_count_as_any_other() {
    for shop in Shop::both().await {
        for (query, words, count) in [
            ("the and of", Words::All, 59),
            ("of the and", Words::All, 59),
            ("the", Words::All, 115),
            ("the and of", Words::Any, 116),
        ] {
            let page = shop.json(&path(query, words)).await;
            assert_eq!(page["count"], count, "{:?}: {query}", shop.store);
        }
    }
}

#[tokio::test]
async fn long_queries_are_read_as_far_as_they_count() {
    const NONE: &str = "unheardof";
    let other: Vec<_> = (0..4000).map(|n| format!("w{n}")).collect();
    let other = other.join(" ");
    // Long queries, and short ones that find the same.
    let cases = [
        ("moon ".repeat(4000), Words::All, "moon"),
        (format!("moon {other}"), Words::All, NONE),
        (format!("moon {other}"), Words::Any, "moon"),
        // The first 64 distinct words count.
        (format!("{other} moon"), Words::Any, NONE),
        (format!("\"{other}\""), Words::Any, NONE),
        (["moon"; 4000].join("-"), Words::Any, NONE),
        ("\"go\" ".repeat(4000), Words::All, "go"),
        ("x".repeat(300), Words::Any, NONE),
        (format!("moon{}", "x".repeat(300)), Words::Any, NONE),
        (
            format!("moon {}", "-train ".repeat(4000)),
            Words::All,
            "moon -train",
        ),
        ("京".repeat(4000), Words::Any, NONE),
    ];
    for database in Database::both() {
        let shop = Shop::open_with(&database, |settings| settings.client.max_uri = LONG).await;
        for (long, words, short) in &cases {
            let expected = found(&shop, short, *words).await;
            let found = found(&shop, long, *words).await;
            let start: String = long.chars().take(40).collect();
            assert_eq!(found, expected, "{:?}: {start}..., {words:?}", shop.store);
        }
    }
}

#[tokio::test]
async fn a_query_beyond_the_limit_of_targets_is_refused_as_such() {
    for shop in Shop::both().await {
        let reply = shop.get(&path(&"w ".repeat(4000), Words::All)).await;
        reply.assert_refusal(414);
    }
}
