//! What works while something fails: this is what `docs/reliability.md` says.

use super::world::{Part, State};

/// What customers do.
pub const DEEDS: [&str; 6] = ["browse", "search", "cart", "login", "order", "pay"];

/// The statuses that a deed may be answered with.
pub type Cell = &'static [u16];

/// What becomes of each deed in one state of one part.
#[derive(Debug)]
pub struct Row {
    pub part: Part,
    pub state: State,
    pub cells: [Cell; 6],
}

const WORKS: Cell = &[200];
const REFUSED: Cell = &[503];
/// Refused by the plugin, or by the host when the plugin has no time left.
const LATE: Cell = &[503, 504];
/// Not known, or an earlier try is being seen to at that moment.
const UNKNOWN: Cell = &[409, 503];

const fn row(part: Part, state: State, cells: [Cell; 6]) -> Row {
    Row { part, state, cells }
}

/// All of it.
pub const TABLE: [Row; 22] = {
    use Part::{MySql, Redis, Stripe};
    use State::{BlackHole, Cut, Hangs, Killed, OutOfMemory, ReadOnly, Refused, Reset, Slow};
    let down = [REFUSED; 6];
    let late = [LATE; 6];
    let no_carts = [WORKS, WORKS, REFUSED, WORKS, REFUSED, WORKS];
    let no_money = [WORKS, WORKS, WORKS, WORKS, WORKS, UNKNOWN];
    [
        row(MySql, Refused, late),
        row(MySql, Reset, down),
        row(MySql, BlackHole, late),
        row(MySql, Slow, late),
        row(MySql, Cut, down),
        row(MySql, Hangs, late),
        row(MySql, Killed, late),
        row(
            MySql,
            ReadOnly,
            [WORKS, WORKS, WORKS, WORKS, REFUSED, REFUSED],
        ),
        row(Redis, Refused, no_carts),
        row(Redis, Reset, no_carts),
        row(Redis, BlackHole, no_carts),
        row(Redis, Slow, no_carts),
        row(Redis, Cut, no_carts),
        row(Redis, Hangs, no_carts),
        row(Redis, Killed, no_carts),
        row(Redis, ReadOnly, no_carts),
        row(Redis, OutOfMemory, no_carts),
        row(Stripe, Refused, no_money),
        row(Stripe, Reset, no_money),
        row(Stripe, BlackHole, no_money),
        row(Stripe, Slow, no_money),
        row(Stripe, Cut, no_money),
    ]
};

/// A line of the document's table, but for the spaces.
pub fn line(row: &Row) -> String {
    let mut cells = vec![part(row.part).to_owned(), state(row.state).to_owned()];
    cells.extend(row.cells.map(cell));
    format!("| {} |", cells.join(" | "))
}

fn part(part: Part) -> &'static str {
    match part {
        Part::MySql => "MySQL",
        Part::Redis => "Redis",
        Part::Stripe => "Stripe",
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Refused => "refuses connections",
        State::Reset => "resets connections",
        State::BlackHole => "swallows packets",
        State::Slow => "answers too late",
        State::Cut => "breaks off in mid-reply",
        State::Hangs => "hangs (SIGSTOP)",
        State::Killed => "killed (SIGKILL)",
        State::ReadOnly => "takes no changes",
        State::OutOfMemory => "out of memory",
    }
}

fn cell(statuses: Cell) -> String {
    let words = statuses.iter().map(|status| match status {
        200 => "works".to_owned(),
        status => status.to_string(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

#[test]
fn the_document_says_what_is_tested() {
    let document = include_str!("../../../../../../../docs/reliability.md");
    let of_table = |line: &&str| {
        ["| MySQL |", "| Redis |", "| Stripe |"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let written: Vec<_> = document.lines().filter(of_table).collect();
    let tested: Vec<_> = TABLE.iter().map(line).collect();
    assert_eq!(written, tested, "\n{}", tested.join("\n"));
    let head = format!("| store | state | {} |", DEEDS.join(" | "));
    assert!(document.lines().any(|line| line == head), "{head}");
}
