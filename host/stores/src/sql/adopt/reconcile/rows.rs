//! Reconciles changes of rows by migrations, so that existing values are kept.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Ident, ObjectName, Statement, TableFactor, Update,
};

use super::super::data::counted;
use super::super::names::plain;
use super::super::remedies::rename;
use super::super::report::FindingKind;
use super::super::schema::Table;
use super::Reconciler;

/// A table that an UPDATE changes.
pub(super) struct Target {
    /// Alias of the table in the statement.
    pub(super) alias: String,
    table: String,
    /// Columns that get values, each with the index of its assignment.
    pub(super) values: Vec<(String, usize)>,
}

impl Target {
    /// Returns the assigned values in the statement, in the order of the
    /// columns.
    pub(super) fn assigned<'a>(&'a self, update: &'a Update) -> impl Iterator<Item = &'a Expr> {
        let places = self.values.iter();
        places.filter_map(|(_, place)| Some(&update.assignments.get(*place)?.value))
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(column, _)| column.as_str())
    }
}

impl Reconciler<'_> {
    /// Keeps the existing times of the last change of rows, and refuses to
    /// overwrite values that are not the plugin's. Returns `None` if the
    /// statement runs as written.
    pub(super) async fn rows(
        &mut self,
        statement: &Statement,
    ) -> sqlx::Result<Option<Vec<String>>> {
        let Statement::Update(update) = statement else {
            return Ok(None);
        };
        let mut kept = Vec::new();
        for target in targets(update) {
            let Some(table) = self.schema.table(&target.table).cloned() else {
                continue;
            };
            if !table.is_there {
                continue;
            }
            if self.looks {
                self.check_written(&table, &target).await?;
                self.check_update(update, &table, &target).await?;
            }
            kept.extend(kept_times(&table, &target));
            let filled = target.columns();
            self.filled
                .extend(filled.map(|column| (table.name.clone(), column.to_owned())));
        }
        if kept.is_empty() {
            return Ok(None);
        }
        let mut update = update.clone();
        update.assignments.extend(kept);
        Ok(Some(vec![Statement::Update(update).to_string()]))
    }

    async fn check_written(&mut self, table: &Table, target: &Target) -> sqlx::Result<()> {
        for column in target.columns() {
            let is_column = |(reused_in, reused): &(String, String)| {
                *reused_in == table.name && reused.eq_ignore_ascii_case(column)
            };
            if !self.reused.iter().any(is_column) {
                continue;
            }
            let condition = format!("`{column}` IS NOT NULL");
            let count = self.count(&table.name, column, &condition).await?;
            if count > 0 {
                let text = format!(
                    "has values in {}, which the migration writes over; renamed, they stay",
                    counted(count)
                );
                self.obstruct(&table.name, column, text, vec![rename(table, column)]);
            }
        }
        let triggers = table.triggers.iter().filter(|it| it.event == "UPDATE");
        let names: Vec<_> = triggers.map(|trigger| trigger.name.clone()).collect();
        for trigger in names {
            let text = "the trigger runs for each row that the migration changes";
            self.find(FindingKind::Note, &table.name, &trigger, text);
        }
        Ok(())
    }
}

/// Returns the tables that an UPDATE changes.
fn targets(update: &Update) -> Vec<Target> {
    let relations = [&update.table.relation].into_iter();
    let relations = relations.chain(update.table.joins.iter().map(|join| &join.relation));
    let mut targets: Vec<_> = relations
        .filter_map(|relation| match relation {
            TableFactor::Table { name, alias, .. } => {
                let table = plain(&name.to_string());
                let alias = alias.as_ref().map(|alias| alias.name.value.clone());
                Some(Target {
                    alias: alias.unwrap_or_else(|| table.clone()),
                    table,
                    values: Vec::new(),
                })
            }
            _ => None,
        })
        .collect();
    for (place, assignment) in update.assignments.iter().enumerate() {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            continue;
        };
        let parts: Vec<_> = name.0.iter().map(|part| plain(&part.to_string())).collect();
        let found = match parts.as_slice() {
            [alias, column] => {
                let target = targets.iter_mut().find(|it| it.alias == *alias);
                target.map(|target| (target, column))
            }
            [column] => targets.first_mut().map(|target| (target, column)),
            _ => None,
        };
        if let Some((target, column)) = found {
            target.values.push((column.clone(), place));
        }
    }
    targets.retain(|target| !target.values.is_empty());
    targets
}

/// Returns assignments that keep the values of columns with ON UPDATE, which
/// the server would otherwise set whenever the row is changed.
fn kept_times(table: &Table, target: &Target) -> Vec<Assignment> {
    let is_assigned = |name: &str| {
        target
            .columns()
            .any(|column| column.eq_ignore_ascii_case(name))
    };
    let own = table.columns.iter().filter(|column| {
        column.is_there && column.on_update.is_some() && !is_assigned(&column.name)
    });
    own.map(|column| {
        let name = [&target.alias, &column.name].map(|name| Ident::with_quote('`', name));
        Assignment {
            target: AssignmentTarget::ColumnName(ObjectName::from(name.to_vec())),
            value: Expr::CompoundIdentifier(name.to_vec()),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::adopt::column::Column;
    use crate::sql::guard::migration::{ParsedStatement, parse};

    #[test]
    fn times_of_the_last_change_are_kept() {
        let text = "UPDATE customer JOIN (SELECT 1 AS id) one ON one.id = customer.customer_id \
            SET customer.email_key = one.id";
        let Ok(ParsedStatement::Rows(statement)) = parse(text) else {
            panic!("an UPDATE");
        };
        let Statement::Update(update) = *statement else {
            panic!("an UPDATE");
        };
        let targets = targets(&update);
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].values, [("email_key".to_owned(), 0)]);
        let mut changed = Column::from_parts("changed", "TIMESTAMP", [], "utf8mb4");
        changed.on_update = Some("current_timestamp()".to_owned());
        changed.is_there = true;
        let table = Table {
            name: "customer".to_owned(),
            columns: vec![changed],
            ..Table::default()
        };
        let kept = kept_times(&table, &targets[0]);
        let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
        assert_eq!(kept, ["`customer`.`changed` = `customer`.`changed`"]);
    }
}
