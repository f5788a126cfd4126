//! Generated products for scale tests: any number of them, each a pure
//! function of its number, with words from common to very rare.

mod chance;
mod templates;
// Lists of words read best as paragraphs.
#[rustfmt::skip]
mod words;

use chance::Chance;

/// Sizes of the written catalog: the attribute values `0..5`.
pub const SIZES: usize = 5;
/// Colours of the written catalog: the attribute values after the sizes, `5..14`.
pub const COLOURS: usize = 9;

/// One generated product, not yet stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Mostly unique: a million drafts have about 950,000 names.
    pub name: String,
    /// Three to six sentences of plain text.
    pub description: String,
    /// 995 to 3495.
    pub price_cents: u32,
    /// Below the price; 0 when there is no discount, as in the column's default.
    pub discounted_cents: u32,
    /// File name of the picture.
    pub image: String,
    /// File name of the second picture.
    pub image_2: String,
    /// File name of the small picture for listings.
    pub thumbnail: String,
    /// 0 to 3, mostly 0; see the written catalog for the meaning.
    pub display: i16,
    /// Which of the written catalog's seven categories it is in, counted from 0.
    pub category: usize,
    /// Sizes and colours, ascending: positions, counted from 0, among all
    /// values of the written catalog's attributes, [`SIZES`] before [`COLOURS`].
    pub attribute_values: Vec<usize>,
}

/// Returns the product of number `n`: the same on every machine and in every run.
pub fn draft(n: u64) -> Draft {
    let mut chance = Chance::new(n);
    let category = chance.below(words::MOTIFS.len() as u32) as usize;
    let words = Words::choose(&mut chance, category);
    let name = title(&words.fill(chance.even(&templates::NAMES)));
    let description = describe(&mut chance, &words);
    let (price_cents, discounted_cents) = prices(&mut chance);
    let picture = format!("{}-{n}", words.motif.replace(' ', "-"));
    Draft {
        name,
        description,
        price_cents,
        discounted_cents,
        image: format!("{picture}.gif"),
        image_2: format!("{picture}-2.gif"),
        thumbnail: format!("{picture}-thumbnail.gif"),
        display: if chance.one_in(8) {
            1 + chance.below(3) as i16
        } else {
            0
        },
        category,
        attribute_values: attribute_values(&mut chance),
    }
}

/// The words of one product.
struct Words {
    motif: &'static str,
    adjective: &'static str,
    place: &'static str,
    ink: &'static str,
    print: &'static str,
    cloth: &'static str,
    occasion: &'static str,
    artist: &'static str,
    curio: &'static str,
    plate: String,
}

impl Words {
    #[expect(clippy::indexing_slicing, reason = "a category is a place in MOTIFS")]
    fn choose(chance: &mut Chance, category: usize) -> Self {
        Self {
            motif: chance.zipf(&words::MOTIFS[category]),
            adjective: chance.zipf(&words::ADJECTIVES),
            place: chance.zipf(&words::PLACES),
            ink: chance.zipf(&words::INKS),
            print: chance.zipf(&words::PRINTS),
            cloth: chance.zipf(&words::CLOTHS),
            occasion: chance.zipf(&words::OCCASIONS),
            artist: chance.zipf(&words::ARTISTS),
            curio: chance.zipf(&words::CURIOS),
            plate: (1 + chance.below(999)).to_string(),
        }
    }

    fn slot(&self, name: &str) -> Option<&str> {
        Some(match name {
            "motif" => self.motif,
            "adjective" => self.adjective,
            "place" => self.place,
            "ink" => self.ink,
            "print" => self.print,
            "cloth" => self.cloth,
            "occasion" => self.occasion,
            "artist" => self.artist,
            "curio" => self.curio,
            "plate" => &self.plate,
            _ => return None,
        })
    }

    /// Fills a template. Every second piece between braces is a slot; an
    /// unknown one stays as it is.
    fn fill(&self, template: &str) -> String {
        let pieces = template.split(['{', '}']).enumerate();
        pieces
            .map(|(i, piece)| {
                if i % 2 == 0 {
                    piece
                } else {
                    self.slot(piece).unwrap_or(piece)
                }
            })
            .collect()
    }
}

fn describe(chance: &mut Chance, words: &Words) -> String {
    let mut sentences = vec![
        words.fill(chance.even(&templates::OPENINGS)),
        words.fill(chance.even(&templates::PRINTING)),
        words.fill(chance.even(&templates::MAKING)),
    ];
    if chance.one_in(2) {
        sentences.push(words.fill(chance.even(&templates::CLOSINGS)));
    }
    if chance.one_in(32) {
        sentences.push(words.fill(templates::CREDIT));
    }
    if chance.one_in(256) {
        sentences.push(words.fill(templates::NOTE));
    }
    sentences.join(" ")
}

/// Returns a name with capital letters, save in the words a title keeps small.
fn title(text: &str) -> String {
    const SMALL: [&str; 4] = ["of", "from", "in", "no."];
    let word = |word: &str| {
        if SMALL.contains(&word) {
            word.to_owned()
        } else {
            capital(word)
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn capital(word: &str) -> String {
    let mut rest = word.chars();
    let first = rest.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(rest)
        .collect()
}

/// Returns price and discounted price in cents: one in three is cut, to something
/// that ends in 45 or 95.
fn prices(chance: &mut Chance) -> (u32, u32) {
    const PERCENT_LEFT: [u32; 5] = [90, 85, 80, 75, 60];
    let price = 995 + 100 * chance.below(26);
    if chance.one_in(3) {
        let left = price * chance.even(&PERCENT_LEFT) / 100;
        (price, left / 50 * 50 - 5)
    } else {
        (price, 0)
    }
}

/// Returns a run of sizes from S or M to XL or XXL, and two or three colours.
fn attribute_values(chance: &mut Chance) -> Vec<usize> {
    let smallest = chance.below(2) as usize;
    let largest = SIZES - 1 - chance.below(2) as usize;
    let colour = chance.below(COLOURS as u32) as usize;
    let wanted = 2 + chance.below(2) as usize;
    // Steps of 4 through 9 colours come back to the first only after all nine.
    let mut colours: Vec<usize> = (0..wanted)
        .map(|i| SIZES + (colour + 4 * i) % COLOURS)
        .collect();
    colours.sort_unstable();
    (smallest..=largest).chain(colours).collect()
}

#[cfg(test)]
mod tests;
