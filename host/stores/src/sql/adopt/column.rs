//! Columns of existing tables and of migrations, and how the two are merged.

use sqlparser::ast::{ColumnDef, ColumnOption};
use sqlparser::tokenizer::Token;

use super::column_type::ColumnType;
use super::fit::Fit;

/// Character set that covers all of Unicode.
pub(super) const UTF8MB4: &str = "utf8mb4";

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    /// Type as SQL.
    pub(super) type_text: String,
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
    pub(super) nullable: bool,
    /// Default value as SQL.
    pub(super) default: Option<String>,
    /// Value that ON UPDATE sets, as SQL.
    pub(super) on_update: Option<String>,
    pub(super) auto_increment: bool,
    pub(super) generated: bool,
    pub(super) comment: String,
    pub(super) is_invisible: bool,
    /// CHECK of the column itself, as SQL. MySQL only has those of tables.
    pub(super) check: Option<String>,
    /// True if the column existed before the migrations, so that its values
    /// come from elsewhere.
    pub(super) is_there: bool,
}

/// Reason that an existing column cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unusable {
    /// The types have different meanings.
    Type,
    /// The server computes the values.
    Generated,
    /// The column has no AUTO_INCREMENT, so an INSERT would have to supply the
    /// number.
    NotNumbered,
}

/// Change to an existing column that makes it suit an expected one too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merge {
    /// The column suits as it is.
    Same,
    /// The column is widened to this one.
    Widened(Box<Column>),
    /// The column becomes this exact type, if no value has more decimals.
    Exact(Box<Column>),
}

impl Column {
    /// Reads the column of a CREATE TABLE or ADD COLUMN, in a table whose texts
    /// have the character set `charset`.
    pub(super) fn expected(definition: &ColumnDef, charset: &str) -> Self {
        let options = definition.options.iter().map(|option| &option.option);
        let name = &definition.name.value;
        Self::from_parts(name, &definition.data_type.to_string(), options, charset)
    }

    /// Reads the column of a MODIFY or CHANGE.
    pub(super) fn from_parts<'a>(
        name: &str,
        type_text: &str,
        options: impl IntoIterator<Item = &'a ColumnOption>,
        charset: &str,
    ) -> Self {
        let kind = ColumnType::parse(type_text);
        let mut column = Self {
            name: name.to_owned(),
            charset: kind.is_text().then(|| charset.to_owned()),
            kind,
            type_text: type_text.to_owned(),
            collation: None,
            nullable: true,
            default: None,
            on_update: None,
            auto_increment: false,
            generated: false,
            comment: String::new(),
            is_invisible: false,
            check: None,
            is_there: false,
        };
        for option in options {
            match option {
                ColumnOption::NotNull | ColumnOption::PrimaryKey(_) => column.nullable = false,
                ColumnOption::Default(value) => column.default = Some(value.to_string()),
                ColumnOption::OnUpdate(value) => column.on_update = Some(value.to_string()),
                ColumnOption::CharacterSet(name) => column.charset = Some(name.to_string()),
                ColumnOption::Collation(name) => column.collation = Some(name.to_string()),
                ColumnOption::Comment(text) => column.comment.clone_from(text),
                ColumnOption::Generated { .. } => column.generated = true,
                ColumnOption::DialectSpecific(tokens) => {
                    column.auto_increment |= is_auto_increment(tokens);
                }
                _ => {}
            }
        }
        column
    }

    /// Returns a DEFAULT or ON UPDATE value as SQL. CURRENT_TIMESTAMP gets as
    /// many fractional digits as the column has.
    pub(super) fn clock(&self, value: &str) -> String {
        match self.kind {
            ColumnType::DateTime { fraction, .. }
                if fraction > 0 && value.to_ascii_lowercase().starts_with("current_timestamp") =>
            {
                format!("CURRENT_TIMESTAMP({fraction})")
            }
            _ => value.to_owned(),
        }
    }

    pub(super) fn comment_as_sql(&self) -> String {
        let comment = self.comment.replace('\\', r"\\").replace('\'', "''");
        format!("COMMENT '{comment}'")
    }

    /// Returns whether an INSERT that does not name the column fails.
    pub(super) fn must_be_named(&self) -> bool {
        !self.nullable && self.default.is_none() && !self.auto_increment && !self.generated
    }

    /// Returns whether rows that do not name the column get a value other than
    /// NULL.
    pub(super) fn has_default(&self) -> bool {
        let default = self.default.as_deref();
        default.is_some_and(|text| !text.eq_ignore_ascii_case("NULL"))
    }

    /// Returns whether both columns give the same value to rows that do not
    /// name them.
    pub(super) fn has_default_of(&self, other: &Self) -> bool {
        if !self.has_default() || !other.has_default() {
            return self.has_default() == other.has_default();
        }
        let plain = |column: &Self| {
            let text = column.default.as_deref().unwrap_or_default();
            text.trim_matches(['\'', '(', ')']).to_owned()
        };
        let (own, other) = (plain(self), plain(other));
        match (own.parse::<f64>(), other.parse::<f64>()) {
            (Ok(own), Ok(other)) => (own - other).abs() < f64::EPSILON,
            _ => own.eq_ignore_ascii_case(&other),
        }
    }

    /// Returns whether the column takes no negative numbers.
    pub(super) fn is_unsigned(&self) -> bool {
        let text = self.type_text.to_ascii_lowercase();
        text.contains("unsigned") || text.contains("zerofill")
    }

    /// Returns the column's share of the longest possible row, in bytes of its
    /// own character set.
    pub(super) fn row_bytes(&self) -> u64 {
        let bytes = self.charset.as_deref().map_or(1, bytes_of_character);
        match self.kind {
            ColumnType::Char(length) => length * bytes,
            ColumnType::Varchar(length) => length * bytes + 2,
            _ => self.kind.row_bytes(),
        }
    }

    /// Returns whether the column's character set lacks characters of the
    /// other's.
    pub(super) fn lacks_characters_of(&self, other: &Self) -> bool {
        let (Some(own), Some(other)) = (&self.charset, &other.charset) else {
            return false;
        };
        width(own) < width(other) || (width(own) == 1 && width(other) == 1 && own != other)
    }

    /// Returns the change that makes this existing column suit an `expected`
    /// one too. `is_key` says that its values are ids that refer to rows.
    ///
    /// # Errors
    /// When no change makes it suitable.
    pub(super) fn merge(&self, expected: &Self, is_key: bool) -> Result<Merge, Unusable> {
        if self.generated && !expected.generated {
            return Err(Unusable::Generated);
        }
        if expected.auto_increment && !self.auto_increment {
            return Err(Unusable::NotNumbered);
        }
        let mut merged = self.clone();
        let mut is_exact = false;
        let is_id = |kind: &ColumnType| matches!(kind, ColumnType::Integer { .. });
        match self.kind.fit(&expected.kind) {
            Fit::Holds | Fit::Loose => {}
            // Ids that the database itself generates fit in their own column.
            Fit::Widened(_) if is_key && is_id(&self.kind) => {}
            Fit::Widened(kind) | Fit::AsText(kind) => merged.set_type(kind),
            Fit::Exact(kind) => {
                merged.set_type(kind);
                is_exact = true;
            }
            Fit::Apart => return Err(Unusable::Type),
        }
        if merged.kind.is_text() && merged.charset.is_none() {
            merged.charset.clone_from(&expected.charset);
            merged.collation.clone_from(&expected.collation);
        }
        if self.lacks_characters_of(expected) {
            merged.charset = Some(UTF8MB4.to_owned());
            merged.collation = expected.collation.clone();
        }
        if expected.nullable && !self.nullable && !is_key && !self.auto_increment {
            merged.nullable = true;
        }
        if merged.nullable && expected.default.is_none() && merged.has_zero_default() {
            // The zero date, which stands for no date, becomes NULL.
            merged.default = None;
        }
        let is_without = merged.default.is_none() && !merged.auto_increment;
        if is_without && expected.has_default() {
            merged.default.clone_from(&expected.default);
        }
        Ok(match (merged == *self, is_exact) {
            (true, _) => Merge::Same,
            (false, false) => Merge::Widened(Box::new(merged)),
            (false, true) => Merge::Exact(Box::new(merged)),
        })
    }

    fn has_zero_default(&self) -> bool {
        let default = self.default.as_deref().unwrap_or_default();
        self.kind.is_date() && default.trim_matches('\'').starts_with("0000-00-00")
    }

    pub(super) fn set_type(&mut self, kind: ColumnType) {
        self.type_text = kind.to_string();
        self.kind = kind;
    }

    /// Returns the definition as it follows MODIFY COLUMN.
    pub(super) fn definition(&self) -> String {
        let mut text = format!("{} {}", quoted(&self.name), self.type_text);
        if let Some(charset) = &self.charset {
            text += &format!(" CHARACTER SET {charset}");
        }
        if let Some(collation) = &self.collation {
            text += &format!(" COLLATE {collation}");
        }
        text += if self.nullable { " NULL" } else { " NOT NULL" };
        if let Some(default) = &self.default {
            text += &format!(" DEFAULT {}", self.clock(default));
        }
        if let Some(value) = &self.on_update {
            text += &format!(" ON UPDATE {}", self.clock(value));
        }
        if self.auto_increment {
            text += " AUTO_INCREMENT";
        }
        if self.is_invisible {
            text += " INVISIBLE";
        }
        if let Some(check) = &self.check {
            text += &format!(" CHECK ({check})");
        }
        if !self.comment.is_empty() {
            text += &format!(" {}", self.comment_as_sql());
        }
        text
    }

    /// Returns a short description, such as `varchar(20) latin1 NOT NULL`.
    pub(super) fn in_words(&self) -> String {
        let mut text = self.type_text.to_ascii_lowercase();
        if let Some(charset) = &self.charset {
            text += &format!(" {charset}");
        }
        text += if self.nullable { " NULL" } else { " NOT NULL" };
        if let Some(default) = &self.default {
            text += &format!(" DEFAULT {default}");
        }
        text
    }
}

/// Returns a name in backquotes.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Returns a rank of the character set by the number of its characters.
fn width(charset: &str) -> u8 {
    match charset.to_ascii_lowercase().as_str() {
        UTF8MB4 => 3,
        "utf8" | "utf8mb3" | "ucs2" => 2,
        "ascii" => 0,
        "utf16" | "utf16le" | "utf32" | "gb18030" => 3,
        _ => 1,
    }
}

/// Returns the largest number of bytes of a character in the set.
fn bytes_of_character(charset: &str) -> u64 {
    match charset.to_ascii_lowercase().as_str() {
        UTF8MB4 | "utf16" | "utf16le" | "utf32" | "gb18030" => 4,
        "utf8" | "utf8mb3" | "ujis" | "eucjpms" => 3,
        "ucs2" | "big5" | "cp932" | "euckr" | "gb2312" | "gbk" | "sjis" => 2,
        _ => 1,
    }
}

fn is_auto_increment(tokens: &[Token]) -> bool {
    matches!(tokens, [Token::Word(word)] if word.value.eq_ignore_ascii_case("AUTO_INCREMENT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(type_text: &str, options: &[ColumnOption], charset: &str) -> Column {
        Column::from_parts("c", type_text, options, charset)
    }

    #[test]
    fn nothing_of_a_column_is_narrowed() {
        let live = column("varchar(255)", &[ColumnOption::NotNull], "utf8mb4");
        let expected = column("VARCHAR(100)", &[ColumnOption::Null], "latin1");
        let Ok(Merge::Widened(merged)) = live.merge(&expected, false) else {
            panic!("it takes NULL");
        };
        assert_eq!(
            merged.definition(),
            "`c` varchar(255) CHARACTER SET utf8mb4 NULL"
        );
        let stricter = column("VARCHAR(100)", &[ColumnOption::NotNull], "latin1");
        assert_eq!(merged.merge(&stricter, false), Ok(Merge::Same));
    }

    #[test]
    fn texts_get_every_character() {
        let live = column("varchar(50)", &[], "latin1");
        let expected = column("VARCHAR(20)", &[], "utf8mb4");
        let Ok(Merge::Widened(merged)) = live.merge(&expected, false) else {
            panic!("it is widened");
        };
        assert_eq!(merged.charset.as_deref(), Some(UTF8MB4));
        let ascii = column("VARCHAR(20)", &[], "ascii");
        assert_eq!(live.merge(&ascii, false), Ok(Merge::Same));
    }

    #[test]
    fn a_row_has_the_bytes_of_its_character_set() {
        for (type_text, charset, bytes) in [
            ("varchar(100)", "latin1", 102),
            ("varchar(100)", "utf8mb3", 302),
            ("varchar(100)", "utf8mb4", 402),
            ("char(10)", "utf8mb4", 40),
            ("varbinary(100)", "utf8mb4", 102),
            ("bigint(20)", "utf8mb4", 8),
        ] {
            let column = column(type_text, &[], charset);
            assert_eq!(column.row_bytes(), bytes, "{type_text} {charset}");
        }
    }

    #[test]
    fn no_date_is_null_where_the_plugin_writes_null() {
        let mut live = column("datetime", &[ColumnOption::NotNull], "utf8mb4");
        live.default = Some("'0000-00-00 00:00:00'".to_owned());
        let expected = column("DATETIME", &[], "utf8mb4");
        let Ok(Merge::Widened(merged)) = live.merge(&expected, false) else {
            panic!("it is widened");
        };
        assert_eq!(merged.definition(), "`c` datetime NULL");
        let required = column("DATETIME", &[ColumnOption::NotNull], "utf8mb4");
        assert_eq!(live.merge(&required, false), Ok(Merge::Same));
    }

    #[test]
    fn ids_are_left_as_they_are() {
        let live = column("mediumint(8) unsigned", &[ColumnOption::NotNull], "utf8mb4");
        let expected = column("INT", &[ColumnOption::NotNull], "utf8mb4");
        assert_eq!(live.merge(&expected, true), Ok(Merge::Same));
        assert!(matches!(
            live.merge(&expected, false),
            Ok(Merge::Widened(_))
        ));
    }
}
