//! Reconciles CREATE TABLE with an existing table of the name.

use sqlparser::ast::{ColumnDef, CreateTable};

use super::super::column::{Column, Merge};
use super::super::column_type::ColumnType;
use super::super::data::{Found, counted};
use super::super::fit::Fit;
use super::super::names::plain;
use super::super::remedies::modify;
use super::super::report::{Finding, FindingKind};
use super::super::schema::{Key, Table, charset_of};
use super::Reconciler;

/// Conversion of a table's texts to another character set.
enum Conversion {
    None,
    /// A change within an ALTER TABLE with other changes.
    Change(String),
    /// A separate statement.
    Statement(String),
}

/// Returns the ALTER TABLE statement that makes the changes, if there are any.
pub(super) fn alter_table(name: &str, changes: &[String]) -> Option<String> {
    let changes = changes.join(", ");
    (!changes.is_empty()).then(|| format!("ALTER TABLE `{name}` {changes}"))
}

impl Reconciler<'_> {
    /// Adds missing parts to the existing table, and widens those that it has.
    /// Returns `None` if the table does not exist, so that the statement runs
    /// as written.
    pub(super) async fn create_table(
        &mut self,
        create: &CreateTable,
    ) -> sqlx::Result<Option<Vec<String>>> {
        let name = plain(&create.name.to_string());
        let Some(table) = self.schema.table(&name).cloned() else {
            self.schema.create(create, &name);
            return Ok(None);
        };
        if self.refuse_view(&table) || self.refuse_foreign(&table, create) {
            return Ok(Some(Vec::new()));
        }
        let (charset, collation) = charset_of(create);
        let expected = create.columns.iter();
        let expected: Vec<_> = expected
            .map(|definition| Column::expected(definition, &charset))
            .collect();
        let mut changes = self.engine_changes(&table);
        let mut statements = Vec::new();
        let target = (charset.as_str(), collation.as_deref());
        match self.charset_change(&table, &expected, target).await? {
            Conversion::None => {}
            Conversion::Change(change) => changes.push(change),
            Conversion::Statement(statement) => {
                statements.extend(alter_table(&name, &std::mem::take(&mut changes)));
                statements.push(statement);
            }
        }
        for (column, definition) in expected.iter().zip(&create.columns) {
            changes.extend(self.column_of(&name, column, definition).await?);
        }
        changes.extend(self.primary_key(&name, create).await?);
        statements.extend(alter_table(&name, &changes));
        Ok(Some(statements))
    }

    /// Reports a view in the place of a table. Returns whether there is one.
    pub(super) fn refuse_view(&mut self, table: &Table) -> bool {
        if table.is_view {
            let name = &table.name;
            let remedy = vec![
                format!("RENAME TABLE `{name}` TO `own_{name}`"),
                format!("CREATE TABLE `{name}` AS SELECT * FROM `own_{name}`"),
            ];
            let text = "is a view, where a table is needed; the statements put a table with the \
                view's rows in its place";
            self.obstruct(name, "", text, remedy);
        }
        table.is_view
    }

    /// Reports an existing table of the name that serves another purpose: the
    /// migration expects none, and the table lacks columns. Returns whether it
    /// does.
    fn refuse_foreign(&mut self, table: &Table, create: &CreateTable) -> bool {
        let names = create.columns.iter().map(|column| &column.name.value);
        let missing = |name: &&String| table.column(name).is_none();
        let missing: Vec<_> = names.filter(missing).cloned().collect();
        let is_foreign = !create.if_not_exists && table.is_there && !missing.is_empty();
        if is_foreign {
            let name = &table.name;
            let remedy = vec![format!("RENAME TABLE `{name}` TO `own_{name}`")];
            let text = format!(
                "is another table than the plugin's of this name: it has no {}",
                missing.join(", ")
            );
            self.obstruct(name, "", text, remedy);
        }
        is_foreign
    }

    /// Returns the changes that move the table to InnoDB, which has
    /// transactions, and to a row format with keys as long as utf8mb4 needs.
    pub(super) fn engine_changes(&mut self, table: &Table) -> Vec<String> {
        if table.is_innodb() {
            return self.format_change(table).into_iter().collect();
        }
        let name = &table.name;
        self.check_numbering(table);
        self.rewrites(name);
        let text = format!("from {} to InnoDB, which has transactions", table.engine);
        self.find(FindingKind::Converts, name, "", text);
        if let Some(table) = self.schema.table_mut(name) {
            table.engine = "InnoDB".to_owned();
            table.row_format = "Dynamic".to_owned();
        }
        vec!["ENGINE = InnoDB".into(), "ROW_FORMAT = DYNAMIC".into()]
    }

    /// Returns the change of an older row format to one with longer keys, if it
    /// is needed.
    pub(super) fn format_change(&mut self, table: &Table) -> Option<String> {
        if !table.has_short_keys() {
            return None;
        }
        let name = &table.name;
        self.rewrites(name);
        let format = &table.row_format;
        let text = format!("from the row format {format} to Dynamic, which has longer keys");
        self.find(FindingKind::Converts, name, "", text);
        if let Some(table) = self.schema.table_mut(name) {
            table.row_format = "Dynamic".to_owned();
        }
        Some("ROW_FORMAT = DYNAMIC".to_owned())
    }

    /// Reports an AUTO_INCREMENT column that is first in no key, which InnoDB
    /// does not support.
    fn check_numbering(&mut self, table: &Table) {
        let Some(column) = table.columns.iter().find(|column| column.auto_increment) else {
            return;
        };
        let leads = |key: &Key| {
            let first = key.parts.first();
            first.is_some_and(|part| part.column == column.name)
        };
        if !table.keys.iter().any(leads) {
            let remedy = format!("ALTER TABLE `{}` ADD KEY (`{}`)", table.name, column.name);
            let text = "is AUTO_INCREMENT and first in no key, which InnoDB does not have";
            self.obstruct(&table.name, &column.name, text, vec![remedy]);
        }
    }

    /// Returns the conversion of the table's texts to a character set that
    /// covers the expected columns. All texts are converted, so that they stay
    /// comparable.
    async fn charset_change(
        &mut self,
        table: &Table,
        expected: &[Column],
        (charset, collation): (&str, Option<&str>),
    ) -> sqlx::Result<Conversion> {
        let lacks = |column: &Column| {
            let live = table.column(&column.name);
            live.is_some_and(|live| live.lacks_characters_of(column))
        };
        let collate = collation.map_or(String::new(), |it| format!(" COLLATE {it}"));
        if expected.iter().any(lacks) {
            let text = format!("texts from {} to {charset}", table.collation);
            self.find(FindingKind::Converts, &table.name, "", text);
            let statement = self.convert(&table.name, charset, collation).await?;
            let change = format!("CONVERT TO CHARACTER SET {charset}{collate}");
            return Ok(statement.map_or(Conversion::Change(change), Conversion::Statement));
        }
        let default = Column::from_parts("", "TEXT", [], table.charset());
        if default.lacks_characters_of(&Column::from_parts("", "TEXT", [], charset)) {
            if let Some(table) = self.schema.table_mut(&table.name) {
                table.collation = collation.map_or(format!("{charset}_"), str::to_owned);
            }
            let change = format!("DEFAULT CHARACTER SET {charset}{collate}");
            return Ok(Conversion::Change(change));
        }
        Ok(Conversion::None)
    }

    /// Returns the change that makes the table suit a column of a CREATE TABLE.
    async fn column_of(
        &mut self,
        name: &str,
        expected: &Column,
        definition: &ColumnDef,
    ) -> sqlx::Result<Option<String>> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(None);
        };
        if table.column(&expected.name).is_some() {
            self.note_rows(&table, expected).await?;
            return self.merged(&table, expected).await;
        }
        if expected.must_be_named() && table.is_there && table.rows > 0 {
            let text = format!(
                "is missing, and its values in the rows that are there are not known: {}",
                expected.in_words()
            );
            let remedy = format!("ALTER TABLE `{name}` ADD COLUMN {definition}");
            self.obstruct(name, &expected.name, text, vec![remedy]);
            return Ok(None);
        }
        self.find(FindingKind::Adds, name, &expected.name, expected.in_words());
        if let Some(table) = self.schema.table_mut(name) {
            table.set_column(expected.clone());
        }
        self.check_row(&table);
        Ok(Some(format!("ADD COLUMN {definition}")))
    }

    /// Returns the change that makes an existing column suit the `expected` one
    /// too; `None` if the column suits, or if no change helps.
    pub(super) async fn merged(
        &mut self,
        table: &Table,
        expected: &Column,
    ) -> sqlx::Result<Option<String>> {
        let Some(live) = table.column(&expected.name) else {
            return Ok(None);
        };
        if live.kind.fit(&expected.kind) == Fit::Loose
            && self.is_loose_in_the_way(table, live, expected).await?
        {
            return Ok(None);
        }
        self.note_differences(table, live, expected);
        let merged = match live.merge(expected, table.is_id(&live.name)) {
            Ok(Merge::Same) => {
                let text = live.in_words();
                self.find(FindingKind::Fits, &table.name, &live.name, text);
                return Ok(None);
            }
            Ok(Merge::Widened(merged)) => merged,
            Ok(Merge::Exact(merged)) => match self.exact(table, live, merged).await? {
                Some(merged) => merged,
                None => return Ok(None),
            },
            Err(why) => {
                self.unusable(table, expected, &why).await?;
                return Ok(None);
            }
        };
        Ok(self.widen(table, live, *merged))
    }

    /// Returns the change of the `live` column to the `merged` one, and makes it
    /// in the model; `None` if a foreign key prevents it.
    fn widen(&mut self, table: &Table, live: &Column, merged: Column) -> Option<String> {
        let is_type_changed = merged.kind != live.kind || merged.charset != live.charset;
        if is_type_changed && let Some(key) = table.foreign_key_on(&live.name) {
            let text = format!(
                "is {}, has to become {}, and the foreign key `{}` of `{}` is on it",
                live.in_words(),
                merged.in_words(),
                key.name,
                key.table
            );
            self.obstruct(&table.name, &live.name, text, vec![key.drop_statement()]);
            return None;
        }
        if is_type_changed {
            self.rewrites(&table.name);
        }
        let text = format!("from {} to {}", live.in_words(), merged.in_words());
        self.find(FindingKind::Converts, &table.name, &live.name, text);
        let change = format!("MODIFY COLUMN {}", merged.definition());
        if let Some(table) = self.schema.table_mut(&table.name) {
            table.set_column(merged);
        }
        self.check_row(table);
        Some(change)
    }

    /// Returns an approximate column as it becomes: exact, or unchanged in type
    /// if it has values that would be rounded; `None` if no change remains.
    async fn exact(
        &mut self,
        table: &Table,
        live: &Column,
        exact: Box<Column>,
    ) -> sqlx::Result<Option<Box<Column>>> {
        let ColumnType::Decimal { precision, scale } = exact.kind else {
            return Ok(Some(exact));
        };
        let name = &live.name;
        // Differences below the precision of the type itself do not count.
        let noise = match live.kind {
            ColumnType::Float { is_double: false } => "0.0000001",
            _ => "0.000000000001",
        };
        let condition = format!(
            "ABS(`{name}` - ROUND(`{name}`, {scale})) > 0.00001 + ABS(`{name}`) * {noise} \
             OR ABS(`{name}`) >= POW(10, {})",
            precision.saturating_sub(scale)
        );
        let rows = match self.data.count(&table.name, &condition).await? {
            Found::None | Found::Some(0) => return Ok(Some(exact)),
            Found::Some(count) => counted(count),
            // Without a look at the rows, nothing is rounded.
            Found::Unknown => "rows that could not be looked through in time may".to_owned(),
        };
        let text = format!(
            "stays {}, which rounds large amounts: {rows} have values that do not fit in {}, and \
             the statement would round them",
            live.in_words(),
            exact.type_text
        );
        let mut finding = Finding::new(FindingKind::Note, &table.name, name, text);
        finding.remedy = vec![modify(table, &exact)];
        self.findings.push(finding);
        let mut kept = exact;
        kept.kind = live.kind.clone();
        kept.type_text.clone_from(&live.type_text);
        Ok((*kept != *live).then_some(kept))
    }

    /// Notes rows with values that a table created by the plugin would not
    /// have, such as NULL or zero dates.
    pub(super) async fn note_rows(&mut self, table: &Table, expected: &Column) -> sqlx::Result<()> {
        let Some(live) = table.column(&expected.name).filter(|it| it.is_there) else {
            return Ok(());
        };
        if !self.looks {
            return Ok(());
        }
        let name = live.name.clone();
        if live.nullable && !expected.nullable {
            let condition = format!("`{name}` IS NULL");
            let count = self.count(&table.name, &name, &condition).await?;
            if count > 0 {
                let text = format!("NULL in {}, and kept", counted(count));
                self.find(FindingKind::Note, &table.name, &name, text);
            }
        }
        if live.kind.is_date() {
            let condition = format!("MONTH(`{name}`) = 0 OR DAYOFMONTH(`{name}`) = 0");
            let count = self.count(&table.name, &name, &condition).await?;
            if count > 0 {
                let text = format!("zero dates in {}, and kept", counted(count));
                self.find(FindingKind::Note, &table.name, &name, text);
            }
        }
        Ok(())
    }
}
