//! Queries made at random: whatever they find, every kind of database gives
//! the same bytes.

use product::search::text::units;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Words, path};
use crate::catalog::shop::Shop;
use crate::catalog::written::Written;

/// Queries of one run.
const QUERIES: usize = 200;

/// The seed of a run that is to be repeated.
const SEED: &str = "EDGE_TEST_SEED";

/// What else people type.
const SIGNS: [&str; 12] = [
    "%", "_", "*", "-", "\"", "'", "\\", "@", "(", "🍟", "\u{0}", "東京",
];

/// Makes queries of the catalog's words.
struct Asker {
    chance: StdRng,
    /// The descriptions, word after word.
    texts: Vec<Vec<String>>,
}

impl Asker {
    fn new(seed: u64) -> Self {
        let written = Written::read();
        let texts = written.products.iter().map(|product| {
            let units = units(product.description()).into_iter();
            units.flat_map(|unit| unit.parts).collect()
        });
        Self {
            chance: StdRng::seed_from_u64(seed),
            texts: texts.collect(),
        }
    }

    /// So many words that follow one another somewhere.
    fn words(&mut self, count: usize) -> String {
        let text = &self.texts[self.chance.random_range(0..self.texts.len())];
        let start = self.chance.random_range(0..text.len() - count);
        text[start..start + count].join(" ")
    }

    fn term(&mut self) -> String {
        match self.chance.random_range(0..10) {
            0..4 => self.words(1),
            4 => self.words(1).to_uppercase(),
            5 => {
                let word = self.words(1);
                let length = self.chance.random_range(1..=word.chars().count());
                word.chars().take(length).collect()
            }
            6 => format!("\"{}\"", self.words(2)),
            7 => format!("\"{}\"", self.words(3)),
            8 => self.words(2).replace(' ', "-"),
            _ => SIGNS[self.chance.random_range(0..SIGNS.len())].to_owned(),
        }
    }

    fn query(&mut self) -> String {
        let terms = self.chance.random_range(1..=4);
        let terms: Vec<_> = (0..terms)
            .map(|number| {
                let minus = number > 0 && self.chance.random_ratio(1, 6);
                format!("{}{}", if minus { "-" } else { "" }, self.term())
            })
            .collect();
        terms.join(" ")
    }

    fn path(&mut self) -> String {
        let words = [Words::All, Words::Any][self.chance.random_range(0..2)];
        let path = path(&self.query(), words);
        let page = self.chance.random_range(1..=2);
        let limit = self.chance.random_range(1..=100);
        let length = self.chance.random_range(0..=400);
        format!("{path}&page={page}&limit={limit}&description_length={length}")
    }
}

#[tokio::test]
async fn every_kind_of_database_gives_the_same_bytes() {
    let seed = match std::env::var(SEED) {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => rand::random(),
    };
    println!("{SEED}={seed}");
    let [one, other] = Shop::both().await;
    let mut asker = Asker::new(seed);
    let mut found = 0;
    for _ in 0..QUERIES {
        let path = asker.path();
        let (one, other) = (one.get(&path).await, other.get(&path).await);
        assert_eq!((one.status, other.status), (200, 200), "{path}");
        assert_eq!(one.body, other.body, "{path}");
        found += usize::from(one.json()["count"] != 0);
    }
    // Or else there was nothing to compare.
    assert!(
        found > QUERIES / 4,
        "only {found} of {QUERIES} found anything"
    );
}
