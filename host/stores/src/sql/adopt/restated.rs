//! Repeats properties of a column that a MODIFY does not mention, and that the
//! server would drop.

use sqlparser::ast::ColumnOption;

use super::column::Column;

/// Parts that a MODIFY has to add to its own text, so that the column keeps its
/// properties.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Restated {
    /// Parts that follow the type.
    pub(super) charset: Vec<String>,
    /// Parts that follow the other options.
    pub(super) options: Vec<String>,
}

impl Restated {
    pub(super) fn is_empty(&self) -> bool {
        self.charset.is_empty() && self.options.is_empty()
    }
}

impl Column {
    /// Takes over properties of the `live` column that the `options` of a
    /// MODIFY do not mention, and returns them as SQL.
    pub(super) fn keep_of(&mut self, live: &Self, options: &[ColumnOption]) -> Restated {
        let says = |is: fn(&ColumnOption) -> bool| options.iter().any(is);
        let mut restated = Restated::default();
        let says_charset = says(|it| {
            matches!(
                it,
                ColumnOption::CharacterSet(_) | ColumnOption::Collation(_)
            )
        });
        if !says_charset && self.kind.is_text() && !live.lacks_characters_of(self) {
            self.charset.clone_from(&live.charset);
            self.collation.clone_from(&live.collation);
            let charset = live.charset.iter().map(|it| format!("CHARACTER SET {it}"));
            let collation = live.collation.iter().map(|it| format!("COLLATE {it}"));
            restated.charset = charset.chain(collation).collect();
        }
        let says_default = says(|it| matches!(it, ColumnOption::Default(_)));
        if !says_default && !self.kind.needs_key_length() {
            self.default.clone_from(&live.default);
            let default = live
                .default
                .as_deref()
                .map(|it| format!("DEFAULT {}", self.clock(it)));
            restated.options.extend(default);
        }
        let says_update = says(|it| matches!(it, ColumnOption::OnUpdate(_)));
        if !says_update && self.kind.is_date() {
            self.on_update.clone_from(&live.on_update);
            let value = live
                .on_update
                .as_deref()
                .map(|it| format!("ON UPDATE {}", self.clock(it)));
            restated.options.extend(value);
        }
        if live.auto_increment && !self.auto_increment {
            self.auto_increment = true;
            restated.options.push("AUTO_INCREMENT".to_owned());
        }
        if live.is_invisible {
            self.is_invisible = true;
            restated.options.push("INVISIBLE".to_owned());
        }
        if let Some(check) = &live.check
            && !says(|it| matches!(it, ColumnOption::Check(_)))
        {
            self.check = Some(check.clone());
            restated.options.push(format!("CHECK ({check})"));
        }
        if self.comment.is_empty() && !live.comment.is_empty() {
            self.comment.clone_from(&live.comment);
            restated.options.push(self.comment_as_sql());
        }
        restated
    }
}
