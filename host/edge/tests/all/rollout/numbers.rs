//! Many rows by one statement.

/// A query of the whole numbers from `first` to `last`, of at most five digits,
/// as column `i`. Servers limit recursion, each by a variable of its own.
pub fn numbers(first: u32, last: u32) -> String {
    let digits: Vec<_> = (0..10)
        .map(|digit| format!("SELECT {digit} AS d"))
        .collect();
    let digits = digits.join(" UNION ALL ");
    format!(
        "(SELECT i FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS i \
         FROM ({digits}) a, ({digits}) b, ({digits}) c, ({digits}) e, ({digits}) f) every \
         WHERE i BETWEEN {first} AND {last})"
    )
}
