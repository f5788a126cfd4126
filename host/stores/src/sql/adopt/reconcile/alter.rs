//! Reconciles ALTER TABLE with existing tables, change by change.

use sqlparser::ast::{
    AlterTableOperation as Op, ColumnDef, ColumnOption, ColumnOptionDef, Ident, ObjectName,
    TableConstraint,
};

use super::super::column::{Column, UTF8MB4, Unusable};
use super::super::column_type::ColumnType;
use super::super::data::{Found, counted};
use super::super::fit::Fit;
use super::super::remedies::rename;
use super::super::report::{Finding, FindingKind};
use super::super::schema::{Table, key_of};
use super::Reconciler;
use super::create::alter_table;
use crate::sql::guard::migration::{AlterChange, AlterKind, TableOption};

/// Treatment of one change of an ALTER TABLE.
pub(super) enum Verdict {
    /// Made as written.
    Keep,
    /// Left out: it has been made already, or would remove something.
    Leave,
    /// Replaced by another change.
    Instead(String),
    /// Replaced by a separate statement.
    Apart(String),
}

impl Reconciler<'_> {
    /// Leaves out changes that have been made already, and those that would
    /// narrow or drop something. Returns `None` if the statement runs as
    /// written.
    pub(super) async fn alter(
        &mut self,
        name: &str,
        changes: &[AlterChange],
    ) -> sqlx::Result<Option<Vec<String>>> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(None);
        };
        if self.refuse_view(&table) {
            return Ok(Some(Vec::new()));
        }
        let mut statements = Vec::new();
        let mut texts = Vec::new();
        let mut is_changed = false;
        for change in changes {
            let verdict = match &change.kind {
                AlterKind::Options(options) => {
                    if let Some(format) = self.format_for(name, options) {
                        is_changed = true;
                        texts.push(format);
                    }
                    self.options(name, options).await?
                }
                AlterKind::Operation(operation) => self.operation(name, operation).await?,
            };
            match verdict {
                Verdict::Keep => texts.push(change.text.clone()),
                Verdict::Leave => is_changed = true,
                Verdict::Instead(text) => {
                    is_changed = true;
                    texts.push(text);
                }
                Verdict::Apart(statement) => {
                    is_changed = true;
                    statements.extend(alter_table(name, &std::mem::take(&mut texts)));
                    statements.push(statement);
                }
            }
        }
        statements.extend(alter_table(name, &texts));
        Ok(is_changed.then_some(statements))
    }

    /// Returns the change of the row format that has to precede a conversion,
    /// if the table's format limits its keys.
    fn format_for(&mut self, name: &str, options: &[TableOption]) -> Option<String> {
        let table = self.schema.table(name).cloned()?;
        let value = |names: &[&str]| {
            let found = options.iter().find(|it| names.contains(&it.name.as_str()));
            found.map(|option| option.value.as_str())
        };
        let charset = value(&["CHARACTER SET", "CHARSET"])?;
        let converts = options.iter().any(|option| option.converts)
            && self.needs_conversion(&table, charset, value(&["COLLATE"]));
        converts.then(|| self.format_change(&table)).flatten()
    }

    async fn options(&mut self, name: &str, options: &[TableOption]) -> sqlx::Result<Verdict> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(Verdict::Keep);
        };
        let value = |names: &[&str]| {
            let mut options = options.iter();
            let found = options.find(|option| names.contains(&option.name.as_str()));
            found.map(|option| option.value.as_str())
        };
        if let Some(charset) = value(&["CHARACTER SET", "CHARSET"]) {
            let collation = value(&["COLLATE"]);
            if !self.needs_conversion(&table, charset, collation) {
                return Ok(Verdict::Leave);
            }
            if options.iter().any(|option| option.converts) {
                let target = collation.unwrap_or(charset);
                let text = format!("texts from {} to {target}", table.collation);
                self.find(FindingKind::Converts, name, "", text);
                let statement = self.convert(name, charset, collation).await?;
                return Ok(statement.map_or(Verdict::Keep, Verdict::Apart));
            }
            return Ok(Verdict::Keep);
        }
        if value(&["ENGINE"]).is_some() {
            return Ok(match self.engine_changes(&table).as_slice() {
                [] => Verdict::Leave,
                changes => Verdict::Instead(changes.join(", ")),
            });
        }
        let does = |format: &str| {
            let is_dynamic = format.eq_ignore_ascii_case("Dynamic");
            table.has_format(format) || (is_dynamic && table.is_compressed())
        };
        Ok(match value(&["ROW_FORMAT"]) {
            Some(format) if does(format) => Verdict::Leave,
            _ => Verdict::Keep,
        })
    }

    async fn operation(&mut self, name: &str, operation: &Op) -> sqlx::Result<Verdict> {
        match operation {
            Op::AddColumn { column_def, .. } => self.add_column(name, column_def).await,
            Op::ModifyColumn {
                col_name,
                data_type,
                options,
                column_position,
            } => {
                let column = (col_name.value.as_str(), data_type.to_string());
                let place = column_position.as_ref();
                self.modify(name, column, (options, place)).await
            }
            Op::ChangeColumn {
                old_name,
                new_name,
                data_type,
                options,
                column_position,
            } => {
                let names = (old_name.value.as_str(), new_name.value.as_str());
                let options = (options.as_slice(), column_position.as_ref());
                self.change(name, names, data_type.to_string(), options)
                    .await
            }
            Op::RenameColumn {
                old_column_name,
                new_column_name,
            } => Ok(self.rename(name, &old_column_name.value, &new_column_name.value)),
            Op::AddConstraint { constraint, .. } => self.add_constraint(name, constraint).await,
            Op::DropColumn { column_names, .. } => match column_names.as_slice() {
                [column] => {
                    let is_there = self.has_column(name, &column.value);
                    Ok(self.drops(name, &column.value, is_there))
                }
                _ => Ok(Verdict::Keep),
            },
            Op::DropIndex { name: index } => {
                let is_there = self.has_key(name, &index.value);
                Ok(self.drops(name, &index.value, is_there))
            }
            Op::DropPrimaryKey { .. } => {
                let is_there = self.has_key(name, "PRIMARY");
                Ok(self.drops(name, "PRIMARY", is_there))
            }
            Op::DropForeignKey { name: key, .. } | Op::DropConstraint { name: key, .. } => {
                Ok(self.drops(name, &key.value, true))
            }
            _ => Ok(Verdict::Keep),
        }
    }

    pub(super) fn has_column(&self, table: &str, column: &str) -> bool {
        let table = self.schema.table(table);
        table.is_some_and(|table| table.column(column).is_some())
    }

    fn has_key(&self, table: &str, key: &str) -> bool {
        let table = self.schema.table(table);
        table.is_some_and(|table| table.key(key).is_some())
    }

    /// Decides on renaming a column, which may have been done already.
    fn rename(&mut self, table: &str, old: &str, new: &str) -> Verdict {
        if !self.has_column(table, old) && self.has_column(table, new) {
            return Verdict::Leave;
        }
        self.rename_column(table, old, new);
        Verdict::Keep
    }

    /// Decides on dropping something. If it is gone, nothing needs to be
    /// dropped, and if it existed before the migrations, it is kept.
    fn drops(&mut self, table: &str, subject: &str, is_there: bool) -> Verdict {
        if is_there && self.kept.has(table, subject) {
            let text = "would be dropped, and is kept: it was there before the migrations";
            self.find(FindingKind::Note, table, subject, text);
            return Verdict::Leave;
        }
        if is_there {
            Verdict::Keep
        } else {
            Verdict::Leave
        }
    }

    async fn add_column(&mut self, name: &str, definition: &ColumnDef) -> sqlx::Result<Verdict> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(Verdict::Keep);
        };
        let column_name = definition.name.value.as_str();
        if table.column(column_name).is_none() {
            if self.looks && table.is_there {
                self.check_generated(&table, definition).await?;
            }
            return Ok(self.add_new_column(&table, definition));
        }
        let expected = Column::expected(definition, UTF8MB4);
        self.note_reuse(&table, column_name).await?;
        self.reused.push((name.to_owned(), column_name.to_owned()));
        let is_another = |live: &Column| {
            let fit = live.kind.fit(&expected.kind);
            matches!(fit, Fit::Loose | Fit::AsText(_))
        };
        if table.column(column_name).is_some_and(is_another) {
            self.unusable(&table, &expected, &Unusable::Type).await?;
            return Ok(Verdict::Leave);
        }
        if self.refuse_other_states(&table, &expected).await? {
            return Ok(Verdict::Leave);
        }
        if let Some(live) = table.column(column_name)
            && self.refuse_default(&table, live, &expected)
        {
            return Ok(Verdict::Leave);
        }
        self.note_rows(&table, &expected).await?;
        let mut changes = Vec::new();
        changes.extend(self.merged(&table, &expected).await?);
        changes.extend(self.check_of(&table, definition).await?);
        Ok(match changes.is_empty() {
            true => Verdict::Leave,
            false => Verdict::Instead(changes.join(", ")),
        })
    }

    /// Adds a column to the model. A text column gets all of Unicode, whatever
    /// the character set of the table's other texts.
    fn add_new_column(&mut self, table: &Table, definition: &ColumnDef) -> Verdict {
        let mut expected = Column::expected(definition, table.charset());
        let full = Column::expected(definition, UTF8MB4);
        let lacks = expected.lacks_characters_of(&full);
        if lacks {
            expected = full;
        }
        if table.is_there {
            let text = expected.in_words();
            self.find(FindingKind::Adds, &table.name, &expected.name, text);
        }
        if let Some(table) = self.schema.table_mut(&table.name) {
            table.set_column(expected);
        }
        self.check_row(table);
        if !lacks {
            return Verdict::Keep;
        }
        let charset = ColumnOptionDef {
            name: None,
            option: ColumnOption::CharacterSet(ObjectName::from(vec![Ident::new(UTF8MB4)])),
        };
        let mut definition = definition.clone();
        definition.options.insert(0, charset);
        Verdict::Instead(format!("ADD COLUMN {definition}"))
    }

    /// Refuses an existing column in the place of a state that the plugin
    /// keeps: a whole number with one initial value for every existing row.
    /// Other values have another meaning, and the plugin would act on them.
    async fn refuse_other_states(
        &mut self,
        table: &Table,
        expected: &Column,
    ) -> sqlx::Result<bool> {
        let name = &expected.name;
        let is_state = matches!(expected.kind, ColumnType::Integer { .. }) && !expected.nullable;
        let is_there = table.column(name).is_some_and(|live| live.is_there);
        let Some(first) = expected.default.as_deref().filter(|_| is_state && is_there) else {
            return Ok(false);
        };
        let condition = format!("`{name}` IS NULL OR `{name}` <> {first}");
        let count = match self.looks {
            true => self.count(&table.name, name, &condition).await?,
            false => 0,
        };
        if count > 0 {
            let text = format!(
                "is not {first} in {}, where the plugin keeps a state of its own that begins with \
                 that; renamed, the values stay",
                counted(count)
            );
            self.obstruct(&table.name, name, text, vec![rename(table, name)]);
        }
        Ok(count > 0)
    }

    /// Notes the values of an existing column that the plugin uses as its own.
    async fn note_reuse(&mut self, table: &Table, column: &str) -> sqlx::Result<()> {
        let Some(live) = table.column(column).filter(|it| it.is_there) else {
            return Ok(());
        };
        if !self.looks {
            return Ok(());
        }
        let values = match self.data.values(&table.name, column).await? {
            Found::Some(values) => values,
            Found::None | Found::Unknown => Vec::new(),
        };
        let text = format!(
            "{}: the plugin takes its values for its own",
            live.in_words()
        );
        let mut finding = Finding::new(FindingKind::Reuses, &table.name, column, text);
        finding.values = values;
        self.findings.push(finding);
        Ok(())
    }

    /// Returns the change that adds the CHECK of a column that exists without
    /// it.
    async fn check_of(
        &mut self,
        table: &Table,
        definition: &ColumnDef,
    ) -> sqlx::Result<Option<String>> {
        let mut options = definition.options.iter();
        let Some(check) = options.find_map(|option| match &option.option {
            ColumnOption::Check(check) => Some(&check.expr),
            _ => None,
        }) else {
            return Ok(None);
        };
        let (name, column) = (&table.name, &definition.name.value);
        let constraint = format!("edge_{name}_{column}");
        if table.checks.contains(&constraint) {
            return Ok(None);
        }
        if self.looks {
            let condition = format!("NOT ({check})");
            let count = self.count(name, column, &condition).await?;
            if count > 0 {
                let text = format!("not {check} in {}", counted(count));
                let remedy = vec![
                    format!("SELECT * FROM `{name}` WHERE NOT ({check})"),
                    rename(table, column),
                ];
                self.obstruct(name, column, text, remedy);
                return Ok(None);
            }
        }
        self.find(
            FindingKind::Adds,
            name,
            &constraint,
            format!("check that {check}"),
        );
        Ok(Some(format!("ADD CONSTRAINT {constraint} CHECK ({check})")))
    }

    async fn add_constraint(
        &mut self,
        name: &str,
        constraint: &TableConstraint,
    ) -> sqlx::Result<Verdict> {
        let is_named = |name: &Option<Ident>, list: &[String]| {
            name.as_ref()
                .is_some_and(|name| list.iter().any(|it| it.eq_ignore_ascii_case(&name.value)))
        };
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(Verdict::Keep);
        };
        let is_there = match constraint {
            TableConstraint::Check(check) => is_named(&check.name, &table.checks),
            TableConstraint::ForeignKey(key) => {
                let own = table.foreign_keys.iter().filter(|it| it.table == name);
                let names: Vec<_> = own.map(|it| it.name.clone()).collect();
                is_named(&key.name, &names)
            }
            constraint => match key_of(constraint) {
                Some(key) => !self.adds_key(name, key).await?,
                None => false,
            },
        };
        Ok(match is_there {
            true => Verdict::Leave,
            false => Verdict::Keep,
        })
    }
}
