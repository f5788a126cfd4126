//! From text to words, the same way for what is indexed and what is asked:
//! folding of case and accents, and what separates, joins or is a word.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Bytes of a word that count. The rest of a longer word is cut off, before
/// the first character that does not fit, in products and in queries alike.
pub const WORD_BYTES: usize = 64;

/// Text between two separators, folded: most often a single word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The words, in order; never empty. Several for a compound (`t-shirt`,
    /// `d'triomphe`), and for scripts written without spaces, where each
    /// character is taken for a word.
    pub parts: Vec<String>,
    /// A compound written as one word: `tshirt`.
    pub joined: Option<String>,
}

/// Returns the units of a text, in order.
pub fn units(text: &str) -> Vec<Unit> {
    let mut splitter = Splitter::default();
    text.chars().for_each(|c| splitter.read(c));
    splitter.finish()
}

/// Class of a character, as the splitter sees it.
enum Class {
    /// Letters and digits.
    Word,
    /// A hyphen or an apostrophe: joins two words, or else separates.
    Joiner,
    /// An emoji or another pictorial sign: a word by itself.
    Symbol,
    /// Marks and invisible characters: as if they were not there.
    Ignored,
    Separator,
}

fn class(c: char) -> Class {
    match c {
        '-' | '\'' | '\u{2010}' | '\u{2011}' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{ff07}'
        | '\u{ff0d}' => Class::Joiner,
        _ if c.is_ascii_alphanumeric() => Class::Word,
        _ if c.is_ascii() => Class::Separator,
        // Skin tones: the bare emoji finds every tone.
        '\u{1f3fb}'..='\u{1f3ff}' => Class::Ignored,
        _ if is_combining_mark(c) => Class::Ignored,
        _ => match c.general_category() {
            GeneralCategory::Format => Class::Ignored,
            GeneralCategory::OtherSymbol => Class::Symbol,
            _ if c.is_alphanumeric() => Class::Word,
            _ => Class::Separator,
        },
    }
}

/// Folds one letter: compatibility forms, case and accents go; letters of the
/// Latin script that no decomposition covers (`ø`, `æ`, `ł`) are spelled out.
fn fold(c: char, mut each: impl FnMut(char)) {
    let unaccented = std::iter::once(c).nfkd().filter(|&c| !is_combining_mark(c));
    // Upper case first: it also folds `ß`, the final sigma and the dotless i.
    let folded = unaccented
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|&c| !is_combining_mark(c));
    for c in folded {
        match latin(c) {
            Some(spelled) => spelled.chars().for_each(|c| each(c.to_ascii_lowercase())),
            None => each(c),
        }
    }
}

/// Returns the ASCII spelling of a Latin letter that is not ASCII.
fn latin(c: char) -> Option<&'static str> {
    match c {
        '\u{80}'..='\u{2af}' | '\u{1d00}'..='\u{1dbf}' | '\u{1e00}'..='\u{1eff}' => {
            deunicode::deunicode_char(c)
        }
        _ => None,
    }
}

/// Returns whether a character is Chinese or Japanese kana, which are written
/// without spaces, so that each one counts as a word.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Returns the words of a compound written as one, cut as any word is.
fn join(parts: &[String]) -> String {
    let mut bytes = 0;
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= WORD_BYTES
    };
    parts
        .iter()
        .flat_map(|part| part.chars())
        .take_while(fits)
        .collect()
}

/// Reads characters and gathers units.
#[derive(Default)]
struct Splitter {
    units: Vec<Unit>,
    /// Finished words of the unit that is being read.
    parts: Vec<String>,
    /// The word that is being read.
    word: String,
    /// The word is at its limit; what follows of it is not read.
    full: bool,
    /// The unit is a run of characters that stand alone.
    run: bool,
}

impl Splitter {
    fn read(&mut self, c: char) {
        match class(c) {
            Class::Word if c.is_ascii() => self.letter(c.to_ascii_lowercase()),
            Class::Word => fold(c, |c| self.folded(c)),
            Class::Joiner => self.joiner(),
            Class::Symbol => {
                self.end_unit();
                self.parts.push(c.into());
                self.end_unit();
            }
            Class::Ignored => {}
            Class::Separator => self.end_unit(),
        }
    }

    /// Takes in what folding made of a letter; some compatibility forms hold signs
    /// (`½` holds a fraction slash).
    fn folded(&mut self, c: char) {
        if !c.is_alphanumeric() {
            self.end_unit();
        } else if stands_alone(c) {
            self.ideograph(c);
        } else {
            self.letter(c);
        }
    }

    fn letter(&mut self, c: char) {
        if self.run {
            self.end_unit();
        }
        self.full |= self.word.len() + c.len_utf8() > WORD_BYTES;
        if !self.full {
            self.word.push(c);
        }
    }

    fn ideograph(&mut self, c: char) {
        if !self.run {
            self.end_unit();
            self.run = true;
        }
        self.parts.push(c.into());
    }

    /// Takes in a joiner. Only a single one, between two words, makes a compound.
    fn joiner(&mut self) {
        if self.word.is_empty() {
            self.end_unit();
        } else {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        self.full = false;
        if !self.word.is_empty() {
            self.parts.push(std::mem::take(&mut self.word));
        }
    }

    fn end_unit(&mut self) {
        self.end_word();
        let run = std::mem::take(&mut self.run);
        let parts = std::mem::take(&mut self.parts);
        let joined = (parts.len() > 1 && !run).then(|| join(&parts));
        if !parts.is_empty() {
            self.units.push(Unit { parts, joined });
        }
    }

    fn finish(mut self) -> Vec<Unit> {
        self.end_unit();
        self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the units of a text, in a notation that is easy to read:
    /// `t+shirt=tshirt` for a compound, `東+京` for a run.
    fn shown(text: &str) -> String {
        let show = |unit: Unit| match unit.joined {
            Some(joined) => format!("{}={joined}", unit.parts.join("+")),
            None => unit.parts.join("+"),
        };
        units(text)
            .into_iter()
            .map(show)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn words_are_folded_and_separated() {
        let cases = [
            ("Red, SHIRT!", "red shirt"),
            ("100% _cotton_ (new)", "100 cotton new"),
            ("Émile ÀÇÉÎÑÕÜ naïve", "emile aceinou naive"),
            ("E\u{301}mile", "emile"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            (
                "Ærø Øre đak Łódź Þór œuvre ıI İ",
                "aero ore dak lodz thor oeuvre ii i",
            ),
            ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
            ("Йод", "иод"),
            ("ﬁt Ｆｕｌｌ m²", "fit full m2"),
            ("½", "1 2"),
            ("a\0b\tc\u{a0}d", "a b c d"),
            ("+ - ( @5 % _ '", "5"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_single_hyphen_or_apostrophe_joins() {
        let cases = [
            ("T-Shirt", "t+shirt=tshirt"),
            ("Arc d'Triomphe", "arc d+triomphe=dtriomphe"),
            ("d’Triomphe", "d+triomphe=dtriomphe"),
            ("rock-n-roll", "rock+n+roll=rocknroll"),
            ("-red shirt-", "red shirt"),
            ("red--shirt", "red shirt"),
            ("red - shirt", "red shirt"),
            ("soft\u{ad}hyphen", "softhyphen"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn signs_and_ideographs_are_words_by_themselves() {
        let cases = [
            ("shirt🦄now", "shirt 🦄 now"),
            ("👍🏽", "👍"),
            ("❤\u{fe0f}", "❤"),
            ("👨\u{200d}👩", "👨 👩"),
            ("Acme™", "acme ™"),
            ("東京 tokyo東京", "東+京 tokyo 東+京"),
            ("東-京", "東 京"),
            ("셔츠", &"셔츠".nfkd().collect::<String>()),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_words_are_cut_before_the_first_character_that_does_not_fit() {
        assert_eq!(shown(&"x".repeat(300)), "x".repeat(64));
        assert_eq!(shown(&format!("{}яz", "x".repeat(63))), "x".repeat(63));
        let compound = units(&format!("{}-{}", "x".repeat(60), "y".repeat(60)));
        let joined = compound.first().and_then(|unit| unit.joined.clone());
        assert_eq!(joined, Some("x".repeat(60) + "yyyy"));
    }
}
