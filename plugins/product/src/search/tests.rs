//! Whole searches, over an index in memory.

use std::collections::BTreeMap;

use super::entries::{Entries, tests::entries};
use super::evaluation::{Evaluation, Match};
use super::query::{Clause, Query};
use super::ranking::Ranking;
use super::text::units;

type Product = (u32, &'static str, &'static str);

const SHOP: &[Product] = &[
    (
        1,
        "Arc d'Triomphe",
        "Napoléon's arch in Paris, on a beautiful stamp.",
    ),
    (2, "Red T-Shirt", "A plain shirt, 100% cotton."),
    (3, "Blue Shirt", "Not red, but a beauty."),
    (
        4,
        "Christmas Tree 🎄",
        "Red and green; the tree of the season.",
    ),
    (5, "Émile", "A rose by the name of Emile, on a tshirt."),
    (6, "Go", "The game of go. A red hat and a blue cap."),
    (7, "東京 Tower", "Tokyo's red tower"),
    (70_000, "Far Shirt", "A red shirt, far away."),
];

fn search(products: &[Product], text: &str, how: Match) -> Ranking {
    search_entries(&entries(products), text, how)
}

/// Returns what is otherwise done with the tables, in memory.
fn search_entries(entries: &Entries, text: &str, how: Match) -> Ranking {
    let mut evaluation = Evaluation::new(Query::parse(text));
    for range in evaluation.ranges() {
        for (word, hits) in entries.words.values().flatten() {
            let term = word.as_bytes();
            if range.from.as_slice() <= term && term < range.until.as_slice() {
                evaluation.read_word(term, hits);
            }
        }
    }
    let none = BTreeMap::new();
    for task in evaluation.phrases() {
        for chunk in &task.chunks {
            let places = entries.positions.get(chunk).unwrap_or(&none);
            evaluation.read_positions(&task, *chunk, places);
        }
    }
    evaluation.rank(how)
}

fn all(text: &str) -> Vec<u32> {
    search(SHOP, text, Match::All).page(0, 100)
}

fn any(text: &str) -> Vec<u32> {
    search(SHOP, text, Match::Any).page(0, 100)
}

#[test]
fn words_find_what_a_person_expects() {
    let cases: &[(&str, &[u32])] = &[
        ("arc", &[1]),
        ("triomphe", &[1]),
        ("d'triomphe", &[1]),
        ("dtriomphe", &[1]),
        ("shirt", &[2, 3, 70_000]),
        ("t-shirt", &[2, 5]),
        ("tshirt", &[2, 5]),
        ("t shirt", &[2]),
        ("T SHIRT", &[2]),
        ("beaut", &[1, 3]),
        ("go", &[6]),
        ("g", &[]),
        ("napoleon", &[1]),
        ("EMILE", &[5]),
        ("émile", &[5]),
        ("🎄", &[4]),
        ("東京", &[7]),
        ("京東", &[]),
        ("100%", &[2]),
        ("red shirt", &[2, 3, 70_000]),
        ("the", &[4, 5, 6]),
        ("nothing", &[]),
    ];
    for (text, expected) in cases {
        let mut found = all(text);
        found.sort_unstable();
        assert_eq!(&found, expected, "{text:?}");
    }
}

#[test]
fn phrases_and_exclusions_are_exact() {
    let cases: &[(&str, &[u32])] = &[
        ("\"red shirt\"", &[70_000]),
        ("\"red t-shirt\"", &[2]),
        ("\"red hat\"", &[6]),
        ("\"red blue\"", &[]),
        ("\"the tree of the season\"", &[4]),
        ("\"beaut\"", &[]),
        ("shirt -red", &[]),
        ("shirt -\"red shirt\"", &[2, 3]),
        ("shirt -t-shirt", &[3, 70_000]),
        ("red -beaut", &[2, 4, 6, 7, 70_000]),
        ("-red", &[]),
        ("-\"red shirt", &[]),
    ];
    for (text, expected) in cases {
        let mut found = all(text);
        found.sort_unstable();
        assert_eq!(&found, expected, "{text:?}");
    }
}

#[test]
fn the_best_come_first() {
    // In the name before in the description; ids decide among those alike.
    assert_eq!(all("red"), [2, 3, 4, 6, 7, 70_000]);
    assert_eq!(all("tower"), [7]);
    assert_eq!(all("tree"), [4]);
    // A whole word of the name before the beginning of one.
    let shirts = &[(1, "Shirts", ""), (2, "Hat", "shirt"), (3, "Shirt", "")];
    assert_eq!(search(shirts, "shirt", Match::All).page(0, 9), [3, 1, 2]);
    // Any word: more words before better places.
    assert_eq!(any("blue cotton shirt"), [3, 2, 70_000, 6]);
    assert_eq!(any("blue nothing"), [3, 6]);
    assert!(any("shirt tower -red").is_empty());
}

#[test]
fn no_text_is_an_error() {
    let hostile = [
        "",
        " ",
        "%",
        "_",
        "+ - ( @5",
        "\"",
        "\"\"\"",
        "-",
        "--",
        "'; DROP TABLE product; --",
        "*",
        "a* NEAR b",
        "<script>",
        "\0",
        "\u{feff}",
        "\u{202e}abc",
        "((((",
        "\\",
        "\\\"",
        "~~~",
        ">>>",
    ];
    for text in hostile {
        // Whatever is found has every word, so any word finds it too.
        let some = any(text);
        assert!(
            all(text).iter().all(|product| some.contains(product)),
            "{text:?}"
        );
    }
    let huge = "word ".repeat(4000);
    assert!(all(&huge).is_empty());
    assert_eq!(any(&format!("red {huge}")), all("red"));
    assert!(all(&"x".repeat(300)).is_empty());
}

#[test]
fn words_past_the_limit_do_not_count() {
    let filler: Vec<_> = (0..super::query::MAX_WORDS)
        .map(|n| format!("f{n}"))
        .collect();
    assert!(any(&format!("{} red", filler.join(" "))).is_empty());
    assert_eq!(any(&format!("red {}", filler.join(" "))), all("red"));
}

/// The words of a field with the alternatives at each position, and those that
/// stand only joined.
struct Field {
    words: Vec<String>,
    joined: Vec<String>,
}

impl Field {
    fn new(text: &str) -> Self {
        let units = units(text);
        let joined = units
            .iter()
            .filter_map(|unit| unit.joined.clone())
            .collect();
        let words = units.into_iter().flat_map(|unit| unit.parts).collect();
        Self { words, joined }
    }

    fn has(&self, clause: &Clause) -> bool {
        let word = clause.word.as_ref().is_some_and(|pattern| {
            self.words
                .iter()
                .chain(&self.joined)
                .any(|word| pattern.matches(word.as_bytes()))
        });
        let phrase = clause.phrase.as_ref();
        word || phrase.is_some_and(|phrase| self.words.windows(phrase.len()).any(|w| w == phrase))
    }
}

/// Returns what is found by reading every product, as slow and plain as can be.
fn scan(products: &[(u32, [Field; 2])], query: &Query, how: Match) -> Vec<u32> {
    let matches = |(_, fields): &&(u32, [Field; 2])| {
        let has = |clause: &Clause| fields.iter().any(|field| field.has(clause));
        let wanted = match how {
            Match::All => !query.wanted.is_empty() && query.wanted.iter().all(has),
            Match::Any => query.wanted.iter().any(has),
        };
        wanted && !query.unwanted.iter().any(has)
    };
    let found = products.iter().filter(matches);
    found.map(|&(product, _)| product).collect()
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn text(&mut self, words: &[&str], length: usize) -> String {
        let picked: Vec<_> = (0..length)
            .filter_map(|_| words.get(self.below(words.len())))
            .copied()
            .collect();
        picked.join(" ")
    }
}

#[test]
fn the_index_agrees_with_reading_everything() {
    const WORDS: &[&str] = &[
        "red", "redder", "t-shirt", "tshirt", "shirt", "a", "é", "東京", "o'neill", "🎄",
    ];
    const ASKED: &[&str] = &[
        "red",
        "-red",
        "t-shirt",
        "-t-shirt",
        "shi",
        "a",
        "-e",
        "東京",
        "京",
        "\"red a\"",
        "\"a a",
        "-\"shirt red\"",
        "\"t shirt a\"",
        "oneill",
    ];
    let mut numbers = Numbers(42);
    let mut entries = Entries::default();
    let products: Vec<_> = (0..300)
        .map(|n| {
            let (product, name, description) =
                (n * 37 + 1, numbers.text(WORDS, 3), numbers.text(WORDS, 6));
            entries.add(product, &name, &description);
            (product, [Field::new(&name), Field::new(&description)])
        })
        .collect();
    for round in 0..200 {
        let text = numbers.text(ASKED, 1 + round % 4);
        let query = Query::parse(&text);
        for how in [Match::All, Match::Any] {
            let mut found = search_entries(&entries, &text, how).page(0, 1000);
            found.sort_unstable();
            assert_eq!(found, scan(&products, &query, how), "{text:?} {how:?}");
        }
    }
}
