//! Which of the written products a query finds, best first.

use super::{Words, found};
use crate::catalog::shop::Shop;

/// Queries, and the ids of what has all their words.
const ALL: &[(&str, &[i64])] = &[
    // A word: whole in the name, the beginning of one there, the description.
    ("arc", &[1, 81, 9, 14]),
    ("cat", &[50, 16, 8, 42, 74, 81]),
    ("moon", &[76, 85, 97, 94, 96]),
    ("train", &[18, 105, 19, 22]),
    ("beaut", &[1, 44, 60, 75, 105]),
    ("beautx", &[]),
    // Several words.
    ("harbour cat", &[50]),
    ("dark shirt", &[8, 18, 67]),
    ("navy shirt", &[76]),
    ("dog moon", &[]),
    // Compounds, joined and apart.
    ("t-shirt", &[12, 30, 76, 111]),
    ("tshirt", &[12, 30, 76, 111]),
    ("T Shirt", &[12, 30, 76, 111]),
    (
        "shirt",
        &[
            4, 5, 8, 10, 12, 18, 21, 23, 26, 30, 41, 45, 48, 66, 67, 68, 76, 82, 85, 88, 107, 111,
        ],
    ),
    ("d'Triomphe", &[1]),
    ("d’triomphe", &[1]),
    ("dtriomphe", &[1]),
    ("triomphe", &[1]),
    ("penny-farthing", &[20]),
    ("pennyfarthing", &[20]),
    ("long-sleeve", &[21, 32, 36, 55, 91]),
    ("longsleeve", &[21, 32, 36, 55, 91]),
    ("o'clock", &[84]),
    // Case and accents, both ways.
    ("ARC", &[1, 81, 9, 14]),
    ("aRc d'TRIOMPHE", &[1]),
    ("cafe", &[51]),
    ("café", &[51]),
    ("cafe\u{301}", &[51]),
    ("CAFÉ CON LECHE", &[51]),
    ("zurich", &[3]),
    ("Zürich", &[3]),
    ("ZÜRICH", &[3]),
    ("krakow", &[6]),
    ("Kraków", &[6]),
    ("dvorak", &[105]),
    ("Dvořák", &[105]),
    ("sao paulo", &[2]),
    ("São Paulo", &[2]),
    ("creme brulee", &[54]),
    ("jalapeno", &[59]),
    ("arhus", &[113]),
    ("Århus", &[113]),
    ("kadikoy", &[16]),
    ("kadıköy", &[16]),
    // Emoji are words.
    ("🍟", &[39]),
    ("🍜", &[55]),
    ("🍟 gull", &[39]),
    ("gull🍟", &[39]),
    ("🍟🍜", &[]),
    ("🦄", &[]),
    // Words of one and two letters are found whole, and begin nothing.
    ("go", &[5, 26, 27, 41, 50, 97, 105]),
    ("or", &[93, 3, 65, 76, 102, 115]),
    ("o", &[84]),
    ("5", &[14, 52, 57, 112]),
    ("ca", &[]),
    // Phrases: words that follow one another.
    ("\"dark shirt\"", &[8, 18]),
    ("“dark shirt”", &[8, 18]),
    ("\"plain dark shirt\"", &[8]),
    ("\"dark plain shirt\"", &[]),
    ("\"Night Train\"", &[18]),
    ("\"train night\"", &[]),
    ("\"the great paris arch\"", &[1]),
    ("\"cafe con leche\"", &[51]),
    ("\"t-shirt is\"", &[76]),
    ("\"shirt in the shop\"", &[111]),
    ("dark windows", &[18]),
    ("\"dark windows\"", &[]),
    ("\"dark shirt\" windows", &[18]),
    // In quotes a word is whole.
    ("\"moon\"", &[76, 85, 97, 96]),
    ("\"beaut\"", &[]),
    // From the name into the description, no phrase runs on.
    ("\"triomphe twelve\"", &[]),
    // Exclusions.
    ("arc -paris", &[81, 9, 14]),
    ("-paris arc", &[81, 9, 14]),
    ("cat -istanbul", &[50, 8, 42, 74, 81]),
    ("moon -train -saturn", &[76, 85, 97, 96]),
    ("moon -\"half the world\"", &[76, 85, 94, 96]),
    ("moon -\"half world\"", &[76, 85, 97, 94, 96]),
    ("dark -\"dark shirt\"", &[52, 67, 75, 77]),
    ("t-shirt -moon", &[12, 30, 111]),
    ("tree -t-shirt", &[8, 38, 71]),
    (
        "shirt -t-shirt",
        &[
            4, 5, 8, 10, 18, 21, 23, 26, 41, 45, 48, 66, 67, 68, 82, 85, 88, 107,
        ],
    ),
    ("arc - paris", &[1]),
    ("-moon", &[]),
    ("-moon -\"dark shirt\"", &[]),
    ("arc -arc", &[]),
];

/// Queries, and the ids of what has any of their words: those with more of
/// them first.
const ANY: &[(&str, &[i64])] = &[
    ("moon", &[76, 85, 97, 94, 96]),
    ("moon train", &[18, 76, 85, 97, 105, 19, 22, 94, 96]),
    ("train moon", &[18, 76, 85, 97, 105, 19, 22, 94, 96]),
    // Two in the description are more than one in the name.
    ("round train", &[22, 18, 105, 1, 19, 33, 38]),
    ("great piano", &[105, 40, 100, 1]),
    ("harbour cat", &[50, 16, 8, 37, 42, 74, 81]),
    ("dark windows", &[18, 8, 52, 67, 75, 77]),
    ("moon unheardof", &[76, 85, 97, 94, 96]),
    ("moon -rabbit", &[76, 85, 94, 96]),
    ("\"plain dark shirt\" \"night train\"", &[18, 8]),
    ("unheardof", &[]),
    ("-moon", &[]),
];

#[tokio::test]
async fn queries_find_what_a_person_expects_best_first() {
    for shop in Shop::both().await {
        for (words, cases) in [(Words::All, ALL), (Words::Any, ANY)] {
            for (query, expected) in cases {
                let found = found(&shop, query, words).await;
                let store = shop.store;
                assert_eq!(&found, expected, "{store:?}: {query}, {words:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_found_is_shown_as_lists_show_it() {
    for shop in Shop::both().await {
        let page = shop
            .json("/products/search?query_string=arc&description_length=6")
            .await;
        let first = &page["rows"][0];
        assert_eq!(first["name"], "Arc d'Triomphe", "{first}");
        assert_eq!(first["description"], "Twelve...", "{first}");
        let all = shop.json("/products?limit=1&description_length=6").await;
        assert_eq!(*first, all["rows"][0]);
        let default = shop.json("/products/search?query_string=arc").await;
        let on = "/products/search?query_string=arc&all_words=on";
        shop.assert_json(on, &default).await;
    }
}
