//! Properties of generated products that scale tests count on.

use std::collections::{HashMap, HashSet};

use super::{COLOURS, Draft, SIZES, Words, chance::Chance, draft, templates, title, words};
use crate::seed::catalog::catalog;

const SAMPLE: u64 = 10_000;

fn sample() -> impl Iterator<Item = Draft> {
    (0..SAMPLE).map(draft)
}

/// Returns how many drafts of the sample have each word in their name or
/// description.
fn spread() -> HashMap<String, u32> {
    let mut spread = HashMap::new();
    for draft in sample() {
        let text = format!("{} {}", draft.name, draft.description).to_lowercase();
        let words: HashSet<&str> = text
            .split(|one: char| !one.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        for word in words {
            *spread.entry(word.to_owned()).or_insert(0) += 1;
        }
    }
    spread
}

#[test]
fn a_number_always_gives_the_same_product() {
    for n in [0, 1, 999_999, u64::MAX] {
        assert_eq!(draft(n), draft(n));
    }
    assert_ne!(draft(1), draft(2));
}

#[test]
fn the_first_product_stays_what_it_is() {
    // A changed list or template makes other products, so earlier measurements no longer compare.
    let first = draft(0);
    assert_eq!(first.name, "Violin no. 844, London");
    assert_eq!(first.price_cents, 1595);
}

#[test]
fn texts_fit_their_columns() {
    for draft in sample().chain([draft(u64::MAX)]) {
        assert!(
            (1..=100).contains(&draft.name.chars().count()),
            "{}",
            draft.name
        );
        assert!(
            (100..=1000).contains(&draft.description.chars().count()),
            "{}",
            draft.description
        );
        for picture in [&draft.image, &draft.image_2, &draft.thumbnail] {
            assert!(picture.len() <= 150, "{picture}");
            let plain =
                |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || b"-.".contains(&one);
            assert!(picture.bytes().all(plain), "{picture}");
        }
    }
}

#[test]
fn even_the_longest_words_fit_the_name() {
    fn longest<'a>(list: impl IntoIterator<Item = &'a &'static str>) -> &'static str {
        list.into_iter()
            .max_by_key(|word| word.chars().count())
            .copied()
            .unwrap_or_default()
    }
    let words = Words {
        motif: longest(words::MOTIFS.iter().flatten()),
        adjective: longest(&words::ADJECTIVES),
        place: longest(&words::PLACES),
        ink: longest(&words::INKS),
        plate: "999".to_owned(),
        ..Words::choose(&mut Chance::new(0), 0)
    };
    for name in templates::NAMES {
        assert!(words.fill(name).chars().count() <= 100);
    }
}

#[test]
fn every_slot_has_words() {
    let words = Words::choose(&mut Chance::new(0), 0);
    let sentences = templates::OPENINGS.iter().chain(&templates::PRINTING);
    let sentences = sentences
        .chain(&templates::MAKING)
        .chain(&templates::CLOSINGS);
    let all = sentences
        .chain(&templates::NAMES)
        .chain([&templates::CREDIT, &templates::NOTE]);
    for template in all {
        for slot in template.split(['{', '}']).skip(1).step_by(2) {
            assert!(words.slot(slot).is_some(), "{slot} in {template}");
        }
        assert!(!words.fill(template).contains(['{', '}']), "{template}");
    }
}

#[test]
fn words_after_an_article_start_with_a_consonant() {
    for word in words::ADJECTIVES.iter().chain(&words::INKS) {
        assert!(!word.starts_with(['a', 'e', 'i', 'o', 'u']), "{word}");
    }
}

#[test]
fn no_word_is_listed_twice() {
    let motifs: Vec<&str> = words::MOTIFS.into_iter().flatten().collect();
    let lists: [&[&str]; 6] = [
        &motifs,
        &words::ADJECTIVES,
        &words::PLACES,
        &words::INKS,
        &words::ARTISTS,
        &words::CURIOS,
    ];
    for list in lists {
        let unique: HashSet<_> = list.iter().collect();
        assert_eq!(unique.len(), list.len());
    }
}

#[test]
fn words_run_from_half_of_all_to_nearly_none() {
    let spread = spread();
    let words_within = |low: u32, high: u32| {
        spread
            .values()
            .filter(|count| (low..high).contains(count))
            .count()
    };
    for common in ["shirt", "cotton"] {
        let count = spread.get(common).copied().unwrap_or(0);
        assert!((4_000..7_000).contains(&count), "{common}: {count}");
    }
    let many = words_within(1_000, 10_001);
    let some = words_within(100, 1_000);
    let few = words_within(10, 100);
    let rare = words_within(1, 10);
    assert!(
        many >= 50 && some >= 100 && few >= 100 && rare >= 50,
        "{many} {some} {few} {rare}"
    );
}

#[test]
fn names_are_mostly_unique() {
    let names: HashSet<String> = sample().map(|draft| draft.name).collect();
    assert!(names.len() as u64 > SAMPLE * 99 / 100, "{}", names.len());
}

#[test]
fn names_are_titles() {
    assert_eq!(
        title("the sea green tram stop of Łódź, plate 7"),
        "The Sea Green Tram Stop of Łódź, Plate 7"
    );
}

#[test]
fn a_third_are_discounted_and_always_below_the_price() {
    let mut discounted = 0;
    for draft in sample() {
        assert!((995..=3495).contains(&draft.price_cents));
        assert!(draft.discounted_cents < draft.price_cents);
        discounted += u64::from(draft.discounted_cents > 0);
    }
    assert!(
        (SAMPLE * 30 / 100..SAMPLE * 37 / 100).contains(&discounted),
        "{discounted}"
    );
}

#[test]
fn categories_and_values_are_those_of_the_written_catalog() {
    let catalog = catalog().expect("the written catalog is valid");
    let values: Vec<usize> = catalog
        .attributes
        .iter()
        .map(|one| one.values.len())
        .collect();
    assert_eq!(values, [SIZES, COLOURS]);
    assert_eq!(words::MOTIFS.len(), catalog.categories().count());
}

#[test]
fn every_category_and_value_is_used() {
    let mut categories = HashSet::new();
    let mut values = HashSet::new();
    let mut displays = HashSet::new();
    for draft in sample() {
        assert!(
            draft.attribute_values.is_sorted_by(|a, b| a < b),
            "{:?}",
            draft.attribute_values
        );
        categories.insert(draft.category);
        values.extend(draft.attribute_values);
        displays.insert(draft.display);
    }
    assert_eq!(categories, (0..words::MOTIFS.len()).collect());
    assert_eq!(values, (0..SIZES + COLOURS).collect());
    assert_eq!(displays, (0..=3).collect());
}
