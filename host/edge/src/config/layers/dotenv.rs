//! Parser of `.env` files as they are written for docker compose, for systemd
//! (`EnvironmentFile=`) and for dotenv libraries.
//!
//! No crate reads all three forms, and most replace `$NAME` in a secret that
//! only happens to contain a dollar sign. Here a value is taken as written:
//! without quotes the rest of the line, in single quotes anything up to the
//! next one, in double quotes with `\n`, `\r`, `\t`, `\\`, `\"` and `\$`.
//! Quoted values may span several lines; in double quotes, a backslash at the
//! end of a line joins the next one. A comment is a line that begins with `#`
//! or `;`, or what follows white space and `#`; a `#` right after `=` is part
//! of the value. A line that is a name alone, by which docker compose passes a
//! variable on, sets nothing.

/// A line that cannot be read. Its text is never shown, as it may contain a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {problem}")]
pub(super) struct DotenvError {
    line: usize,
    problem: &'static str,
    /// Variable that the line sets, if its name can be read.
    pub(super) name: Option<String>,
}

const NOT_A_PAIR: &str = "is not NAME=value";
const NO_END: &str = "begins a value in quotes that do not end";
const CONTINUED: &str = "ends in a backslash: systemd would join the next line to it, and others would not; put the value into quotes";
const AFTER_QUOTES: &str = "has something after the closing quotes";
const SUBSTITUTION: &str =
    "has `${`: variables are not substituted; put a value that holds it into single quotes";

/// Parses a file. Returns its variables, in their order, and the lines that are
/// wrong.
pub(super) fn parse(text: &str) -> (Vec<(String, String)>, Vec<DotenvError>) {
    let mut reader = Reader::new(text);
    let (mut variables, mut errors) = (Vec::new(), Vec::new());
    while !reader.rest.is_empty() {
        let line = reader.line;
        match reader.entry() {
            Ok(variable) => variables.extend(variable),
            Err(Problem { text, name }) => {
                errors.push(DotenvError {
                    line,
                    problem: text,
                    name: name.map(str::to_owned),
                });
                reader.skip_line();
            }
        }
    }
    (variables, errors)
}

struct Reader<'a> {
    rest: &'a str,
    /// Number of the current line, from 1.
    line: usize,
}

type Entry = Option<(String, String)>;

/// A problem of a line, with the variable that the line sets.
struct Problem<'a> {
    text: &'static str,
    name: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        // Some editors on Windows write a byte order mark.
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, line: 1 }
    }

    /// Reads one entry, or an empty line or comment, up to the end of its line.
    fn entry(&mut self) -> Result<Entry, Problem<'a>> {
        let line = self.peek_line();
        if is_blank(line) {
            self.skip_line();
            return Ok(None);
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (line, None),
        };
        let name = without_export(name.trim());
        if !is_name(name) {
            return Err(Problem {
                text: NOT_A_PAIR,
                name: None,
            });
        }
        let Some(value) = value else {
            self.skip_line();
            return Ok(None);
        };
        // Blanks after the equals sign stay, for a comment that may follow
        // them.
        self.advance(line.len() - value.len());
        let blanks = value.len() - value.trim_start_matches([' ', '\t']).len();
        let value = match value.get(blanks..).and_then(|value| value.chars().next()) {
            Some('\'') => self.single_quoted(blanks),
            Some('"') => self.double_quoted(blanks),
            _ => self.unquoted(),
        };
        match value {
            Ok(value) => Ok(Some((name.to_owned(), value))),
            Err(text) => Err(Problem {
                text,
                name: Some(name),
            }),
        }
    }

    fn unquoted(&mut self) -> Result<String, &'static str> {
        let line = self.peek_line();
        let value = without_comment(line).trim();
        if value.contains("${") {
            return Err(SUBSTITUTION);
        }
        let backslashes = value.len() - value.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            return Err(CONTINUED);
        }
        self.skip_line();
        Ok(value.to_owned())
    }

    fn single_quoted(&mut self, blanks: usize) -> Result<String, &'static str> {
        self.advance(blanks);
        let inner = self.rest.get(1..).unwrap_or_default();
        let (value, _) = inner.split_once('\'').ok_or(NO_END)?;
        self.end_quotes(value.len() + 2)?;
        Ok(value.replace("\r\n", "\n"))
    }

    fn double_quoted(&mut self, blanks: usize) -> Result<String, &'static str> {
        self.advance(blanks);
        let mut value = String::new();
        let mut signs = self.rest.char_indices().skip(1);
        let end = loop {
            let (at, sign) = signs.next().ok_or(NO_END)?;
            match sign {
                '"' => break at,
                '\\' => push_escaped(&mut value, signs.next().ok_or(NO_END)?.1),
                '$' if self
                    .rest
                    .get(at..)
                    .is_some_and(|rest| rest.starts_with("${")) =>
                {
                    return Err(SUBSTITUTION);
                }
                sign => value.push(sign),
            }
        };
        self.end_quotes(end + 1)?;
        Ok(value.replace("\r\n", "\n"))
    }

    /// Advances past a quoted value of this many bytes, quotes included, and
    /// its line, on which only a comment may follow.
    fn end_quotes(&mut self, bytes: usize) -> Result<(), &'static str> {
        let after = self.rest.get(bytes..).unwrap_or_default();
        let line = after.lines().next().unwrap_or_default();
        if !line.starts_with('#') && !without_comment(line).trim().is_empty() {
            return Err(AFTER_QUOTES);
        }
        self.advance(bytes);
        self.skip_line();
        Ok(())
    }

    fn peek_line(&self) -> &'a str {
        self.rest.lines().next().unwrap_or_default()
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.advance(end);
    }

    fn advance(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }
}

fn push_escaped(value: &mut String, sign: char) {
    match sign {
        'n' => value.push('\n'),
        'r' => value.push('\r'),
        't' => value.push('\t'),
        '\\' | '"' | '$' => value.push(sign),
        // The value continues on the next line.
        '\n' => {}
        // Backslashes of Windows paths and regular expressions are kept.
        other => value.extend(['\\', other]),
    }
}

/// Returns whether a line is empty or a comment.
fn is_blank(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || text.starts_with(['#', ';'])
}

/// Returns a name without the `export` before it, by which shells read a file.
fn without_export(name: &str) -> &str {
    let exported = name.strip_prefix("export");
    let exported = exported.filter(|rest| rest.starts_with([' ', '\t']));
    exported.map_or(name, str::trim)
}

/// Returns a value without the comment after it.
fn without_comment(value: &str) -> &str {
    let starts = value.match_indices('#').map(|(at, _)| at);
    let is_comment = |at: &usize| {
        let before = value.get(..*at).unwrap_or_default();
        before.ends_with([' ', '\t'])
    };
    let comment = starts.into_iter().find(is_comment);
    comment.and_then(|at| value.get(..at)).unwrap_or(value)
}

/// Returns whether programs accept this as the name of a variable.
fn is_name(name: &str) -> bool {
    let is_first = |sign: char| sign.is_ascii_alphabetic() || sign == '_';
    let is_later = |sign: char| is_first(sign) || sign.is_ascii_digit() || ".-".contains(sign);
    name.starts_with(is_first) && name.chars().all(is_later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, DotenvError> {
        let (variables, errors) = parse(text);
        match (&variables[..], &errors[..]) {
            ([(name, value)], []) if name == "NAME" => Ok(value.clone()),
            (_, [error, ..]) => Err(error.clone()),
            _ => panic!("{text:?}: {variables:?}"),
        }
    }

    #[test]
    fn what_systemd_reads_otherwise_is_refused() {
        assert!(value("NAME=a\\\nb").is_err_and(|error| error.problem == CONTINUED));
        assert_eq!(value("NAME=a\\\\").as_deref(), Ok("a\\\\"));
        assert_eq!(value("NAME=\"a\\\nb\"").as_deref(), Ok("ab"));
        assert_eq!(value("export\tNAME=a").as_deref(), Ok("a"));
    }

    #[test]
    fn a_value_is_what_is_written() {
        for (text, expected) in [
            ("NAME=whsec_a$b1", "whsec_a$b1"),
            ("NAME=$HOME", "$HOME"),
            ("NAME='a$b ${c} \\n # \"'", "a$b ${c} \\n # \""),
            ("NAME=\"a$b \\\"c\\\" \\n \\$d \\w\"", "a$b \"c\" \n $d \\w"),
            ("NAME=", ""),
            ("NAME=''", ""),
            ("NAME= spaces within  ", "spaces within"),
            ("NAME = value", "value"),
            ("export NAME=value", "value"),
            ("  NAME=value\r\n", "value"),
            ("\u{feff}NAME=value", "value"),
            ("NAME=a=b==", "a=b=="),
            ("NAME=a#b", "a#b"),
            ("NAME=a # b", "a"),
            ("NAME= # b", ""),
            ("NAME=#f3a9", "#f3a9"),
            ("NAME=#a # b", "#a"),
            ("NAME='a'# b", "a"),
            ("OTHER\nexport SECOND\nNAME=value", "value"),
            ("NAME=a # ${b}", "a"),
            ("NAME='a' # b", "a"),
            ("NAME=C:\\path", "C:\\path"),
            ("NAME=it's", "it's"),
            ("NAME='two\r\nlines'\n", "two\nlines"),
            ("NAME=\"two\nlines\"", "two\nlines"),
            ("# a comment\n; another\n\nNAME=value\n", "value"),
            ("NAME=пароль", "пароль"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, line, problem) in [
            ("just text", 1, NOT_A_PAIR),
            ("\n=value", 2, NOT_A_PAIR),
            ("A=1\nA B=1", 2, NOT_A_PAIR),
            ("1A=1", 1, NOT_A_PAIR),
            ("NAME='a", 1, NO_END),
            ("NAME=\"a\\", 1, NO_END),
            ("NAME='a'b", 1, AFTER_QUOTES),
            ("NAME=\"a\" b", 1, AFTER_QUOTES),
            ("NAME=http://${HOST}", 1, SUBSTITUTION),
            ("X='\n\n'\nNAME=\"${HOST}\"", 4, SUBSTITUTION),
        ] {
            let (_, errors) = parse(text);
            let found: Vec<_> = errors.iter().map(|it| (it.line, it.problem)).collect();
            assert_eq!(found, [(line, problem)], "{text:?}");
            let name = errors.first().and_then(|error| error.name.as_deref());
            assert_eq!(name.is_none(), problem == NOT_A_PAIR, "{text:?}: {name:?}");
        }
    }

    #[test]
    fn later_lines_are_read_after_a_wrong_one() {
        let (variables, errors) = parse("oops!\nA=1\nB='x\nC=2");
        assert_eq!(errors.len(), 2);
        let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["A", "C"]);
    }
}
