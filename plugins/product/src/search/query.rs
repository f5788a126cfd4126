//! Queries as people write them: words, `"phrases"`, and a leading `-` before
//! what is not wanted. Every text is a query; none is an error.

use std::collections::HashSet;

use super::text::{Unit, units};

/// Distinct words of a query that count. What follows them is not read.
pub const MAX_WORDS: usize = 64;

/// Words of one phrase that count.
pub const MAX_PHRASE: usize = 64;

/// Clauses of a query that may hold a phrase; a quoted phrase too many is not
/// read, a compound too many is found by its joined form alone.
pub const MAX_PHRASES: usize = 8;

/// Shortest word that also finds longer words, in characters.
const PREFIX_CHARS: usize = 3;

/// A search as it was asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Clauses to find, without repetitions; nothing is found without any.
    pub wanted: Vec<Clause>,
    /// Clauses that a found product must not match.
    pub unwanted: Vec<Clause>,
}

/// One thing asked for. A product matches if it has the word, or else the
/// phrase; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// A word to look up.
    pub word: Option<Pattern>,
    /// Words that must follow one another in one field; two or more.
    pub phrase: Option<Vec<String>>,
}

/// A word to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The folded word.
    pub text: String,
    /// True if words that only begin like this match too.
    pub prefix: bool,
}

impl Pattern {
    fn whole(text: String) -> Self {
        Self {
            text,
            prefix: false,
        }
    }

    /// Returns a word as typed: a prefix too, if it is long enough.
    fn typed(text: String) -> Self {
        let prefix = text.chars().nth(PREFIX_CHARS - 1).is_some();
        Self { text, prefix }
    }

    /// Returns whether an indexed word is one that this looks for.
    #[must_use]
    pub fn matches(&self, term: &[u8]) -> bool {
        match self.prefix {
            true => term.starts_with(self.text.as_bytes()),
            false => self.is_whole(term),
        }
    }

    /// Returns whether an indexed word is this very word.
    #[must_use]
    pub fn is_whole(&self, term: &[u8]) -> bool {
        term == self.text.as_bytes()
    }
}

impl Clause {
    fn word(pattern: Pattern) -> Self {
        Self {
            word: Some(pattern),
            phrase: None,
        }
    }

    /// Returns a compound: found joined, or as its words.
    fn compound(joined: String, words: Vec<String>) -> Self {
        Self {
            word: Some(Pattern::typed(joined)),
            phrase: Some(words),
        }
    }

    /// Words that follow one another; if there is one, by this pattern.
    fn sequence(mut words: Vec<String>, pattern: fn(String) -> Pattern) -> Option<Self> {
        match words.len() {
            0 | 1 => words.pop().map(|word| Self::word(pattern(word))),
            _ => Some(Self {
                word: None,
                phrase: Some(words),
            }),
        }
    }
}

impl Query {
    /// Reads a query.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader::default();
        for piece in pieces(text) {
            match piece.quoted {
                true => reader.quoted(piece),
                false => reader.bare(piece),
            }
        }
        reader.query
    }
}

/// A quoted text, or what stands between two spaces.
struct Piece<'a> {
    text: &'a str,
    quoted: bool,
    unwanted: bool,
}

/// Cuts a query at quotes and spaces. A quote without a partner reaches to the
/// end.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut negated = false;
    for (number, text) in text.split(is_quote).enumerate() {
        if number % 2 == 1 {
            pieces.push(Piece {
                text,
                quoted: true,
                unwanted: negated,
            });
            continue;
        }
        negated = text.split(char::is_whitespace).next_back() == Some("-");
        pieces.extend(text.split_whitespace().map(|text| Piece {
            text,
            quoted: false,
            unwanted: text.starts_with('-'),
        }));
    }
    pieces
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '\u{ff02}')
}

/// Gathers clauses, within the limits.
#[derive(Default)]
struct Reader {
    query: Query,
    /// The distinct words so far.
    words: HashSet<String>,
    /// Clauses with a phrase so far.
    phrases: usize,
}

impl Reader {
    fn quoted(&mut self, piece: Piece<'_>) {
        let words = units(piece.text).into_iter().flat_map(|unit| unit.parts);
        let words = self.counted(words);
        self.add(Clause::sequence(words, Pattern::whole), piece.unwanted);
    }

    fn bare(&mut self, piece: Piece<'_>) {
        for Unit { parts, joined } in units(piece.text) {
            let length = parts.len();
            let words = self.counted(parts);
            let clause = match joined {
                None => Clause::sequence(words, Pattern::typed),
                // Half a compound is not what was asked for.
                Some(joined) => (words.len() == length).then(|| Clause::compound(joined, words)),
            };
            self.add(clause, piece.unwanted);
        }
    }

    /// Returns the first words of a sequence, as far as they count.
    fn counted(&mut self, words: impl IntoIterator<Item = String>) -> Vec<String> {
        words
            .into_iter()
            .take(MAX_PHRASE)
            .take_while(|word| self.admit(word))
            .collect()
    }

    /// Returns whether a word still counts: it is among the first distinct ones.
    fn admit(&mut self, word: &str) -> bool {
        self.words.contains(word)
            || (self.words.len() < MAX_WORDS && self.words.insert(word.to_owned()))
    }

    fn add(&mut self, clause: Option<Clause>, unwanted: bool) {
        let Some(clause) = clause.and_then(|clause| self.allowed(clause)) else {
            return;
        };
        let clauses = match unwanted {
            true => &mut self.query.unwanted,
            false => &mut self.query.wanted,
        };
        if !clauses.contains(&clause) {
            self.phrases += usize::from(clause.phrase.is_some());
            clauses.push(clause);
        }
    }

    /// Returns what may be added of a clause, by the number of phrases so far.
    fn allowed(&self, clause: Clause) -> Option<Clause> {
        if self.phrases < MAX_PHRASES {
            return Some(clause);
        }
        clause.word.map(Clause::word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a query in an easy notation: `beaut*` for a prefix, `[red
    /// shirt]` for a phrase, `tshirt*[t shirt]` for a compound, `-` for what is
    /// not wanted.
    fn shown(text: &str) -> String {
        let show = |sign: &str, clause: &Clause| {
            let word = clause.word.as_ref().map(|pattern| {
                format!("{}{}", pattern.text, if pattern.prefix { "*" } else { "" })
            });
            let phrase = clause
                .phrase
                .as_ref()
                .map(|words| format!("[{}]", words.join(" ")));
            format!(
                "{sign}{}{}",
                word.unwrap_or_default(),
                phrase.unwrap_or_default()
            )
        };
        let query = Query::parse(text);
        let wanted = query.wanted.iter().map(|clause| show("", clause));
        let unwanted = query.unwanted.iter().map(|clause| show("-", clause));
        wanted.chain(unwanted).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn queries_are_read_as_a_person_means_them() {
        let cases = [
            ("beautiful Red", "beautiful* red*"),
            ("a go arc", "a go arc*"),
            ("red red RED rèd", "red*"),
            ("t-shirt", "tshirt*[t shirt]"),
            ("d’Triomphe", "dtriomphe*[d triomphe]"),
            ("red,blue/green", "red* blue* green*"),
            ("東京 京", "[東 京] 京"),
            ("🦄", "🦄"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_make_phrases_of_whole_words() {
        let cases = [
            ("\"red shirt\" new", "[red shirt] new*"),
            ("“red shirt”", "[red shirt]"),
            ("\"beaut\"", "beaut"),
            ("\"red t-shirt\"", "[red t shirt]"),
            ("new \"red shirt", "new* [red shirt]"),
            ("new\"red shirt\"old", "new* [red shirt] old*"),
            ("\"\" \" \" \"", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_leading_minus_excludes() {
        let cases = [
            ("red -shirt", "red* -shirt*"),
            ("-t-shirt red", "red* -tshirt*[t shirt]"),
            ("red -\"blue shirt\" new", "red* new* -[blue shirt]"),
            ("red - shirt", "red* shirt*"),
            ("red- --shirt", "red* -shirt*"),
            ("red -\"blue", "red* -blue"),
            ("red \"blue\" -", "red* blue"),
            ("-red", "-red*"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn punctuation_alone_is_nothing() {
        for text in [
            "",
            " ",
            "%",
            "_",
            "+ - ( @ )",
            "'--",
            "\\",
            "\0",
            "*",
            "- - \"-\"",
        ] {
            assert_eq!(shown(text), "", "{text:?}");
        }
        assert_eq!(shown("+ - ( @5"), "5");
        assert_eq!(shown("' OR 1=1 --"), "or 1");
    }

    #[test]
    fn only_so_many_words_count() {
        let words = |range: std::ops::Range<usize>| {
            range.map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ")
        };
        let bare = Query::parse(&words(0..4000));
        assert_eq!(bare.wanted.len(), MAX_WORDS);
        let repeated = Query::parse(&format!("{0} {0} end", "word ".repeat(4000)));
        assert_eq!(repeated.wanted.len(), 2);
        let quoted = shown(&format!("\"{}\"", words(0..4000)));
        assert_eq!(quoted, format!("[{}]", words(0..MAX_WORDS)));
        let monotone = shown(&format!("\"{}\"", "a ".repeat(4000)));
        assert_eq!(monotone.len(), 2 * MAX_PHRASE + 1);
        let run = shown(&"京".repeat(4000));
        assert_eq!(run.chars().count(), 2 * MAX_PHRASE + 1);
        assert_eq!(shown(&format!("{}b end", "a-".repeat(4000))), "end*");
    }

    #[test]
    fn only_so_many_phrases_count() {
        let compounds: Vec<_> = (0..20).map(|n| format!("a-{n}")).collect();
        let query = Query::parse(&format!("{} \"b c\"", compounds.join(" ")));
        assert_eq!(query.wanted.len(), 20);
        let phrases = query.wanted.iter().filter(|clause| clause.phrase.is_some());
        assert_eq!(phrases.count(), MAX_PHRASES);
    }
}
