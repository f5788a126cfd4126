//! Texts that somebody searches for. None is an error, and what is looked up
//! for them has its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use product::search::query::{Clause, MAX_PHRASE, MAX_PHRASES, MAX_WORDS, Query};
use product::search::text::{WORD_BYTES, units};

fuzz_target!(|text: &str| {
    let query = Query::parse(text);
    let clauses = || query.wanted.iter().chain(&query.unwanted);
    let mut words = std::collections::HashSet::new();
    for Clause { word, phrase } in clauses() {
        assert!(word.is_some() || phrase.is_some(), "nothing to look up");
        let phrase = phrase.as_deref().unwrap_or_default();
        assert!(phrase.len() != 1 && phrase.len() <= MAX_PHRASE);
        for word in phrase
            .iter()
            .chain(word.as_ref().map(|pattern| &pattern.text))
        {
            assert!(!word.is_empty() && word.len() <= WORD_BYTES, "{word:?}");
            words.insert(word.as_str());
        }
    }
    assert!(clauses().filter(|clause| clause.phrase.is_some()).count() <= MAX_PHRASES);
    // A compound's joined form is a word more than those that were counted.
    assert!(words.len() <= 2 * MAX_WORDS, "{} words", words.len());

    for unit in units(text) {
        assert!(!unit.parts.is_empty());
        for word in unit.parts.iter().chain(&unit.joined) {
            assert!(!word.is_empty() && word.len() <= WORD_BYTES, "{word:?}");
        }
    }
});
