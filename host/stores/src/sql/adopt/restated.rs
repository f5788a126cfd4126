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
        let mut kept = self.keep_values(live, options);
        kept.extend(self.keep_attributes(live, options));
        Restated {
            charset: self.keep_charset(live, options),
            options: kept,
        }
    }

    fn keep_charset(&mut self, live: &Self, options: &[ColumnOption]) -> Vec<String> {
        let is_charset = |option: &ColumnOption| {
            matches!(
                option,
                ColumnOption::CharacterSet(_) | ColumnOption::Collation(_)
            )
        };
        let is_named = options.iter().any(is_charset);
        if is_named || !self.kind.is_text() || live.lacks_characters_of(self) {
            return Vec::new();
        }
        self.charset.clone_from(&live.charset);
        self.collation.clone_from(&live.collation);
        let charset = live.charset.iter().map(|it| format!("CHARACTER SET {it}"));
        let collation = live.collation.iter().map(|it| format!("COLLATE {it}"));
        charset.chain(collation).collect()
    }

    /// Takes over the values that the server itself gives to the column.
    fn keep_values(&mut self, live: &Self, options: &[ColumnOption]) -> Vec<String> {
        let says = |is: fn(&ColumnOption) -> bool| options.iter().any(is);
        let mut restated = Vec::new();
        let says_default = says(|it| matches!(it, ColumnOption::Default(_)));
        if !says_default && !self.kind.needs_key_length() {
            self.default.clone_from(&live.default);
            let default = live.default.as_deref();
            restated.extend(default.map(|it| format!("DEFAULT {}", self.clock(it))));
        }
        let says_update = says(|it| matches!(it, ColumnOption::OnUpdate(_)));
        if !says_update && self.kind.is_date() {
            self.on_update.clone_from(&live.on_update);
            let value = live.on_update.as_deref();
            restated.extend(value.map(|it| format!("ON UPDATE {}", self.clock(it))));
        }
        if live.auto_increment && !self.auto_increment {
            self.auto_increment = true;
            restated.push("AUTO_INCREMENT".to_owned());
        }
        restated
    }

    fn keep_attributes(&mut self, live: &Self, options: &[ColumnOption]) -> Vec<String> {
        let mut restated = Vec::new();
        if live.is_invisible {
            self.is_invisible = true;
            restated.push("INVISIBLE".to_owned());
        }
        let is_check = |option: &ColumnOption| matches!(option, ColumnOption::Check(_));
        if let Some(check) = &live.check
            && !options.iter().any(is_check)
        {
            self.check = Some(check.clone());
            restated.push(format!("CHECK ({check})"));
        }
        if self.comment.is_empty() && !live.comment.is_empty() {
            self.comment.clone_from(&live.comment);
            restated.push(self.comment_as_sql());
        }
        restated
    }
}
