//! The sentences that generated products are described with. A word in braces
//! is a slot, filled from the list of that name.

/// Product names, told apart by a plate number or by four words.
pub const NAMES: [&str; 6] = [
    "{adjective} {motif} of {place}, plate {plate}",
    "{adjective} {ink} {motif} of {place}",
    "the {adjective} {motif}, plate {plate}",
    "{motif} from {place}, plate {plate}",
    "{ink} {motif} in {place}, plate {plate}",
    "{motif} no. {plate}, {place}",
];

/// Where the motif comes from.
pub const OPENINGS: [&str; 10] = [
    "We first met this {motif} in {place}, on a {adjective} afternoon with nothing else to do.",
    "Somewhere in {place} there is a wall with this {motif} on it, {adjective} as the day it was painted.",
    "One {motif}, drawn from memory after a {adjective} evening in {place}.",
    "Ask about the {motif} in {place} and everybody has a story; this is the {adjective} version.",
    "A sketchbook bought in {place} gave us the {motif}, and a {adjective} week at the press did the rest.",
    "Our {motif} looks {adjective} from across the room and stranger close up, like most things in {place}.",
    "There are grander souvenirs of {place} than a {adjective} {motif}, but few that wash so well.",
    "The {motif} on this shirt is {adjective}, slightly too large and glad to come from {place}.",
    "Every {motif} has its day, and this {adjective} one had it in {place}.",
    "Someone left a {adjective} drawing of the {motif} on a café table in {place}, so we framed it in cloth.",
];

/// Sentences about the printing.
pub const PRINTING: [&str; 7] = [
    "It is {print} in {ink}, with a second pass for the shadows.",
    "Small on the chest, large on the back, both {print} in {ink}.",
    "Two colours only, {ink} and white, {print} under one roof.",
    "A {ink} line runs right round the shirt and meets itself at the seam.",
    "The outline is {print} in {ink} and the rest is left to you.",
    "Look for the {ink} signature, {print} under the left sleeve.",
    "Most of it is {ink}; the sky is whatever colour you choose for the shirt.",
];

/// Sentences about the cloth.
pub const MAKING: [&str; 7] = [
    "The shirt is {cloth}, cut straight and finished with a double hem.",
    "A t-shirt in {cloth}, soft from the first wash.",
    "Made in {cloth}; wash at 30 and dry it in the shade.",
    "We chose {cloth}, and pockets would only have spoiled it.",
    "Long-sleeve, in {cloth}, with ribbed cuffs.",
    "Sewn from {cloth} by four people who also tried it on.",
    "The {cloth} will outlast the joke.",
];

/// Sentences about wearing it.
pub const CLOSINGS: [&str; 7] = [
    "Good for {occasion}.",
    "It has been known to improve {occasion}.",
    "Recommended for {occasion} and much else.",
    "We had {occasion} in mind.",
    "The first hundred went in a week of {occasion}.",
    "Tested during {occasion}, with {adjective} results.",
    "If you must dress up for {occasion}, dress like this.",
];

/// A credit that few products carry.
pub const CREDIT: &str = "Drawn by {artist}.";

/// A note that hardly any product carries.
pub const NOTE: &str = "Filed in our drawers under {curio}.";
