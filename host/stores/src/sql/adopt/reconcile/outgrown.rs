//! Reports values that a statement computes from existing rows and that do not
//! fit their column: too long, out of range, or NULL.

use std::ops::ControlFlow;

use sqlparser::ast::{
    ColumnDef, ColumnOption, Expr, SetExpr, Statement, TableFactor, Update, VisitMut, VisitorMut,
};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::super::column::Column;
use super::super::column_type::{ColumnType, integer_range};
use super::super::data::{Found, counted};
use super::super::names::{plain, words};
use super::super::schema::{Schema, Table};
use super::Reconciler;
use super::rows::Target;

/// A value that a statement computes for a column.
struct Computed<'a> {
    table: &'a Table,
    /// Alias of the table in the statement.
    alias: &'a str,
    column: &'a Column,
    value: String,
    /// Rows from which the value is computed, as they follow FROM.
    from: String,
    /// Condition that selects the rows; `None` for all of them.
    condition: Option<String>,
    /// Full text of the statement.
    statement: String,
}

/// Reason that a column does not take a value.
struct Excess {
    /// Condition that is true for such a value.
    condition: String,
    /// Description of the excess, to which a number of rows is appended.
    text: String,
}

impl Reconciler<'_> {
    /// Reports rows for which an UPDATE computes a value that does not fit its
    /// column.
    pub(super) async fn check_update(
        &mut self,
        update: &Update,
        table: &Table,
        target: &Target,
    ) -> sqlx::Result<()> {
        let mut source = update.clone();
        let _ = source.visit(&mut AsTheyBecome::new(&self.schema, &update.to_string()));
        for ((name, _), assignment) in target.values.iter().zip(target.assigned(&source)) {
            let Some(column) = table.column(name) else {
                continue;
            };
            let computed = Computed {
                table,
                alias: &target.alias,
                column,
                value: assignment.to_string(),
                from: source.table.to_string(),
                condition: source.selection.as_ref().map(Expr::to_string),
                statement: update.to_string(),
            };
            self.check_computed(&computed).await?;
        }
        Ok(())
    }

    /// Reports rows for which the value of a new generated column does not fit
    /// it.
    pub(super) async fn check_generated(
        &mut self,
        table: &Table,
        definition: &ColumnDef,
    ) -> sqlx::Result<()> {
        let options = definition.options.iter();
        let mut expressions = options.filter_map(|option| match &option.option {
            ColumnOption::Generated {
                generation_expr, ..
            } => generation_expr.as_ref(),
            _ => None,
        });
        let Some(expression) = expressions.next() else {
            return Ok(());
        };
        let statement = definition.to_string();
        let visitor = AsTheyBecome::new(&self.schema, &statement);
        let computed = Computed {
            table,
            alias: &table.name,
            column: &Column::expected(definition, table.charset()),
            value: expression.to_string(),
            from: visitor.derived(table, &table.name),
            condition: None,
            statement,
        };
        self.check_computed(&computed).await
    }

    async fn check_computed(&mut self, computed: &Computed<'_>) -> sqlx::Result<()> {
        let Computed { table, column, .. } = computed;
        for excess in excesses(column, &computed.value) {
            let condition = match &computed.condition {
                Some(which) => format!("({which}) AND ({})", excess.condition),
                None => excess.condition.clone(),
            };
            match self.data.count_from(&computed.from, &condition).await? {
                Found::Some(count) => self.report(computed, &excess, count, &condition).await?,
                Found::None => {}
                Found::Unknown => {
                    let what = format!("a value {}", excess.text);
                    self.note_unknown(&table.name, &column.name, &what);
                }
            }
        }
        Ok(())
    }

    async fn report(
        &mut self,
        computed: &Computed<'_>,
        excess: &Excess,
        count: u64,
        condition: &str,
    ) -> sqlx::Result<()> {
        let Computed { table, column, .. } = computed;
        let rows = counted(count);
        let text = format!(
            "the migration fills `{}`, and its value {} in {rows}; change the rows that the \
             statement finds",
            column.name, excess.text
        );
        let keys = primary_columns(table);
        if let Some((source, condition)) = self.exceeding_source(computed, excess, count).await? {
            let selected = keys.iter().copied().chain([source.as_str()]);
            let selected: Vec<_> = selected.map(|name| format!("`{name}`")).collect();
            let remedy = format!(
                "SELECT {} FROM `{}` WHERE {condition}",
                selected.join(", "),
                table.name
            );
            self.obstruct(&table.name, &source, text, vec![remedy]);
            return Ok(());
        }
        let selected = keys
            .iter()
            .map(|key| format!("`{}`.`{key}`", computed.alias));
        let selected: Vec<_> = selected.chain([computed.value.clone()]).collect();
        let remedy = format!(
            "SELECT {} FROM {} WHERE {condition}",
            selected.join(", "),
            computed.from
        );
        self.obstruct(&table.name, &column.name, text, vec![remedy]);
        Ok(())
    }

    /// Returns the column whose own values exceed in the same way, in as many
    /// rows, with the condition that finds them; `None` if there is none.
    async fn exceeding_source(
        &mut self,
        computed: &Computed<'_>,
        excess: &Excess,
        count: u64,
    ) -> sqlx::Result<Option<(String, String)>> {
        for source in sources(computed) {
            for own in excesses(computed.column, &format!("`{}`", source.name)) {
                let found = self.data.count(&computed.table.name, &own.condition);
                if found.await? == Found::Some(count) && own.text == excess.text {
                    return Ok(Some((source.name.clone(), own.condition)));
                }
            }
        }
        Ok(None)
    }
}

/// Returns the names of the columns of the primary key.
fn primary_columns(table: &Table) -> Vec<&str> {
    let parts = table.key("PRIMARY").map(|key| key.parts.as_slice());
    let parts = parts.unwrap_or_default().iter();
    parts.map(|part| part.column.as_str()).collect()
}

/// Returns the columns that the table had before the migrations and that the
/// statement names.
fn sources<'a>(computed: &'a Computed<'_>) -> impl Iterator<Item = &'a Column> {
    let columns = computed.table.columns.iter();
    columns.filter(|column| {
        column.is_there
            && column.name != computed.column.name
            && words(&computed.statement).any(|word| word.eq_ignore_ascii_case(&column.name))
    })
}

/// Returns the conditions under which the column does not take `value`.
fn excesses(column: &Column, value: &str) -> Vec<Excess> {
    let mut found = Vec::new();
    let mut push = |condition: String, text: String| found.push(Excess { condition, text });
    match &column.kind {
        ColumnType::Char(length) | ColumnType::Varchar(length) => push(
            format!("CHAR_LENGTH({value}) > {length}"),
            format!("has more than {length} characters"),
        ),
        ColumnType::Text(size) => push(
            format!("LENGTH({value}) > {}", size.bytes()),
            format!("has more than {} bytes", size.bytes()),
        ),
        ColumnType::Integer { bytes, unsigned } => {
            let (least, most) = integer_range(*bytes, *unsigned);
            push(
                format!("({value}) < {least} OR ({value}) > {most}"),
                format!("is not from {least} to {most}"),
            );
        }
        ColumnType::Decimal { precision, scale } => {
            let digits = precision.saturating_sub(*scale);
            push(
                format!("ABS({value}) >= POW(10, {digits})"),
                format!("has more than {digits} digits before its point"),
            );
        }
        kind => {
            if let Some(length) = kind.bytes() {
                push(
                    format!("LENGTH({value}) > {length}"),
                    format!("has more than {length} bytes"),
                );
            }
        }
    }
    if !column.nullable && !column.generated {
        push(format!("({value}) IS NULL"), "is NULL".to_owned());
    }
    found
}

/// Visitor that replaces existing tables by their state after the statements so
/// far: with the columns that are still to be added, and with texts in the
/// character sets to which they are converted.
struct AsTheyBecome<'a> {
    schema: &'a Schema,
    /// Words of the statement, in lower case.
    words: Vec<String>,
}

impl<'a> AsTheyBecome<'a> {
    fn new(schema: &'a Schema, statement: &str) -> Self {
        let words = words(statement).map(str::to_ascii_lowercase).collect();
        Self { schema, words }
    }

    /// Returns the table as a derived table that can follow FROM.
    fn derived(&self, table: &Table, alias: &str) -> String {
        let is_named = |column: &&Column| {
            let name = column.name.to_ascii_lowercase();
            self.words.contains(&name)
        };
        let primary = table.key("PRIMARY").map(|key| key.parts.as_slice());
        let is_key = |column: &&Column| {
            let mut parts = primary.unwrap_or_default().iter();
            parts.any(|part| part.column.eq_ignore_ascii_case(&column.name))
        };
        let columns = table.columns.iter().filter(|it| is_named(it) || is_key(it));
        let mut columns: Vec<_> = columns
            .map(|column| format!("{} AS `{}`", becomes(column), column.name))
            .collect();
        if columns.is_empty() {
            columns.push("1".to_owned());
        }
        let rows = match table.is_there {
            true => format!("FROM `{}`", table.name),
            false => "FROM (SELECT 1) none WHERE 0".to_owned(),
        };
        format!("(SELECT {} {rows}) AS `{alias}`", columns.join(", "))
    }
}

/// Returns the expression for a column's value in an existing row.
fn becomes(column: &Column) -> String {
    let name = format!("`{}`", column.name);
    match (&column.charset, &column.collation) {
        _ if !column.is_there => column.default.clone().unwrap_or_else(|| "NULL".to_owned()),
        (None, _) => name,
        (Some(charset), None) => format!("CONVERT({name} USING {charset})"),
        (Some(charset), Some(collation)) => {
            format!("CONVERT({name} USING {charset}) COLLATE {collation}")
        }
    }
}

impl VisitorMut for AsTheyBecome<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(table) = self.schema.table(&plain(&name.to_string()))
        {
            let alias = alias.as_ref().map(|alias| &alias.name.value);
            let text = self.derived(table, alias.unwrap_or(&table.name));
            if let Some(derived) = parsed(&text) {
                *factor = derived;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Parses the text that follows FROM.
fn parsed(text: &str) -> Option<TableFactor> {
    let text = format!("SELECT 1 FROM {text}");
    let mut statements = Parser::parse_sql(&MySqlDialect {}, &text).ok()?;
    let Some(Statement::Query(query)) = statements.pop() else {
        return None;
    };
    let SetExpr::Select(select) = *query.body else {
        return None;
    };
    select.from.into_iter().next().map(|from| from.relation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(type_text: &str) -> Vec<String> {
        let column = Column::from_parts("c", type_text, [], "utf8mb4");
        let excesses = excesses(&column, "f(x)");
        excesses.into_iter().map(|it| it.condition).collect()
    }

    #[test]
    fn each_type_has_a_bound() {
        for (type_text, condition) in [
            ("VARCHAR(20)", "CHAR_LENGTH(f(x)) > 20"),
            ("TINYTEXT", "LENGTH(f(x)) > 255"),
            ("VARBINARY(8)", "LENGTH(f(x)) > 8"),
            ("TINYINT", "(f(x)) < -128 OR (f(x)) > 127"),
            ("SMALLINT UNSIGNED", "(f(x)) < 0 OR (f(x)) > 65535"),
            ("DECIMAL(10, 2)", "ABS(f(x)) >= POW(10, 8)"),
        ] {
            assert_eq!(texts(type_text), [condition], "{type_text}");
        }
    }
}
