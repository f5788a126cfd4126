//! Answering a query from rows of the index, wherever they come from.
//!
//! The one who asks fetches the rows that [`Evaluation::ranges`] names and
//! reads them in; then, for each of [`Evaluation::phrases`], the positions in
//! the chunks that may hold it. [`Evaluation::rank`] gives the answer.

use std::collections::{BTreeMap, BTreeSet};

use roaring::{MultiOps as _, RoaringBitmap};

use super::phrase;
use super::postings::{Hits, POSITION_CHUNK, TermRange, common, merged};
use super::query::{Clause, Query};
use super::ranking::{Ranking, Tally};

/// Number of the wanted clauses that a product must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Every one.
    All,
    /// At least one; those with more come first.
    Any,
}

/// A query and what is known of its answer so far.
#[derive(Debug)]
pub struct Evaluation {
    query: Query,
    /// Of each clause, wanted ones first.
    found: Vec<Found>,
    /// Of each word that stands in a phrase.
    words: BTreeMap<String, Hits>,
}

/// The products of a clause.
#[derive(Debug, Default)]
struct Found {
    hits: Hits,
    /// Products whose name has the very word, not just one that begins like it.
    whole: RoaringBitmap,
}

/// A phrase to look for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhraseTask {
    clause: usize,
    /// The words of the phrase, each once.
    pub words: Vec<String>,
    /// The chunks of products that have all the words, in order.
    pub chunks: Vec<u32>,
}

impl Evaluation {
    /// Begins to answer a query.
    #[must_use]
    pub fn new(query: Query) -> Self {
        let phrases = clauses(&query).filter_map(|clause| clause.phrase.as_ref());
        let words = phrases
            .flatten()
            .map(|word| (word.clone(), Hits::default()))
            .collect();
        let found = clauses(&query).map(|_| Found::default()).collect();
        Self {
            query,
            found,
            words,
        }
    }

    /// Returns the words to read in from `product_search`; none if there is
    /// nothing to find.
    #[must_use]
    pub fn ranges(&self) -> Vec<TermRange> {
        if self.query.wanted.is_empty() {
            return Vec::new();
        }
        let patterns = clauses(&self.query).filter_map(|clause| clause.word.as_ref());
        let words = self.words.keys().map(|word| TermRange::whole(word));
        merged(patterns.map(TermRange::from).chain(words).collect())
    }

    /// Reads in a row of `product_search`.
    pub fn read_word(&mut self, term: &[u8], hits: &Hits) {
        for (clause, found) in clauses(&self.query).zip(&mut self.found) {
            let pattern = clause.word.as_ref().filter(|pattern| pattern.matches(term));
            let Some(pattern) = pattern else { continue };
            found.hits.merge(hits);
            if pattern.is_whole(term) {
                found.whole |= &hits.name;
            }
        }
        let word = std::str::from_utf8(term).ok();
        if let Some(word) = word.and_then(|word| self.words.get_mut(word)) {
            word.merge(hits);
        }
    }

    /// Returns the phrases to look for, once all words are read in.
    #[must_use]
    pub fn phrases(&self) -> Vec<PhraseTask> {
        let phrases = clauses(&self.query).map(|clause| clause.phrase.as_deref());
        let tasks = phrases
            .enumerate()
            .filter_map(|(clause, words)| self.task(clause, words?));
        tasks.collect()
    }

    fn task(&self, clause: usize, words: &[String]) -> Option<PhraseTask> {
        let words: BTreeSet<_> = words.iter().collect();
        let hits: Option<Vec<_>> = words.iter().map(|word| self.words.get(*word)).collect();
        let chunks = chunks(&hits?);
        let words = words.into_iter().cloned().collect();
        (!chunks.is_empty()).then_some(PhraseTask {
            clause,
            words,
            chunks,
        })
    }

    /// Reads in what `product_search_position` has of a phrase's words in one
    /// chunk.
    pub fn read_positions(
        &mut self,
        task: &PhraseTask,
        chunk: u32,
        places: &BTreeMap<String, RoaringBitmap>,
    ) {
        let clause = clauses(&self.query).nth(task.clause);
        let words = clause
            .and_then(|clause| clause.phrase.as_ref())
            .into_iter()
            .flatten();
        let places: Option<Vec<_>> = words.map(|word| places.get(word)).collect();
        if let Some((places, found)) = places.zip(self.found.get_mut(task.clause)) {
            let hits = phrase::find(chunk, &places);
            found.whole |= &hits.name;
            found.hits.merge(&hits);
        }
    }

    /// Returns the answer, once everything is read in.
    ///
    /// A clause is worth 3 in a product whose name has it, 2 if the name has
    /// only a word that begins like it, 1 if only the description has it. If
    /// any clause will do, the number of clauses goes before their worth.
    #[must_use]
    pub fn rank(self, how: Match) -> Ranking {
        let (wanted, unwanted) = self.found.split_at(self.query.wanted.len());
        let mut matched = match how {
            Match::All => in_all(wanted),
            Match::Any => in_any(wanted),
        };
        for found in unwanted {
            matched -= &found.hits.name;
            matched -= &found.hits.description;
        }

        let mut clauses = Tally::default();
        let mut worth = Tally::default();
        for found in wanted {
            let name = common(&found.hits.name, &matched);
            let any = &name | common(&found.hits.description, &matched);
            worth.add(0, (&any - &name) | common(&found.whole, &matched));
            worth.add(1, name);
            if how == Match::Any {
                clauses.add(0, any);
            }
        }
        Ranking::new(matched, [clauses, worth])
    }
}

/// Returns wanted clauses, then unwanted ones.
fn clauses(query: &Query) -> impl Iterator<Item = &Clause> {
    query.wanted.iter().chain(&query.unwanted)
}

/// Returns the products that every clause has. Those of the rarest are looked
/// for in the others, which is less work than to gather what each of them has.
fn in_all(clauses: &[Found]) -> RoaringBitmap {
    let mut clauses: Vec<_> = clauses.iter().map(|found| &found.hits).collect();
    clauses.sort_by_key(|hits| hits.name.len() + hits.description.len());
    let Some((rarest, others)) = clauses.split_first() else {
        return RoaringBitmap::new();
    };
    let rarest = rarest.any();
    let within = |left: RoaringBitmap, hits: &&Hits| {
        common(&hits.name, &left) | common(&hits.description, &left)
    };
    others.iter().fold(rarest, within)
}

/// Returns the products that any clause has.
fn in_any(clauses: &[Found]) -> RoaringBitmap {
    let hits = clauses.iter().map(|found| &found.hits);
    let fields = hits.flat_map(|hits| [&hits.name, &hits.description]);
    fields.union()
}

/// Returns the chunks with products that have all these words in one field.
fn chunks(words: &[&Hits]) -> Vec<u32> {
    let in_all =
        |field: fn(&Hits) -> &RoaringBitmap| words.iter().map(|hits| field(hits)).intersection();
    let products = in_all(|hits| &hits.name) | in_all(|hits| &hits.description);
    let mut chunks: Vec<_> = products
        .iter()
        .map(|product| product / POSITION_CHUNK)
        .collect();
    chunks.dedup();
    chunks
}
