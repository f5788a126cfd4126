//! Which tables a statement reads and changes.
//!
//! Where the databases' rules for names differ, or are not known, a name
//! counts as a table's: that denies too much at worst, never too little.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, TableObject, Visit, Visitor,
};

/// Functions that reach past the tables: files, other sessions, time.
const FORBIDDEN_FUNCTIONS: [&str; 12] = [
    "load_file",
    "load_extension",
    "readfile",
    "writefile",
    "sleep",
    "benchmark",
    "get_lock",
    "release_lock",
    "release_all_locks",
    "fts3_tokenizer",
    "master_pos_wait",
    "edit",
];

/// SQLite's functions that stand where a table does, and touch none.
const TABLE_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];

/// The tables of a statement, in lower case.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) read: HashSet<String>,
    pub(super) changed: HashSet<String>,
}

/// The tables that `statement` uses, or why it may not run at all.
pub(super) fn used_by(statement: &Statement) -> Result<Tables, String> {
    Ok(Tables {
        read: relations(statement)?,
        changed: targets(statement)?,
    })
}

/// Every table that could be changed: of a join, all of them.
fn targets(statement: &Statement) -> Result<HashSet<String>, String> {
    match statement {
        Statement::Query(_) => Ok(HashSet::new()),
        Statement::Insert(insert) => match &insert.table {
            TableObject::TableName(name) => Ok(HashSet::from([simple_name(name)?])),
            _ => Err("this form of INSERT is not allowed".into()),
        },
        Statement::Update(update) => relations(&update.table),
        Statement::Delete(delete) => {
            let mut targets = relations(&delete.from)?;
            targets.extend(relations(&delete.using)?);
            for name in &delete.tables {
                targets.insert(simple_name(name)?);
            }
            Ok(targets)
        }
        _ => Err("only SELECT, INSERT, UPDATE and DELETE are allowed".into()),
    }
}

/// Every table named anywhere in `tree`.
fn relations(tree: &impl Visit) -> Result<HashSet<String>, String> {
    let mut collector = Collector::default();
    match tree.visit(&mut collector) {
        ControlFlow::Continue(()) => Ok(collector.tables),
        ControlFlow::Break(reason) => Err(reason),
    }
}

fn simple_name(name: &ObjectName) -> Result<String, String> {
    match name.0.as_slice() {
        [part] => part
            .as_ident()
            .map(|ident| ident.value.to_lowercase())
            .ok_or_else(|| format!("`{name}` is not the name of a table")),
        _ => Err(format!("`{name}` names another schema")),
    }
}

/// Collects tables, telling them from the names that `WITH` defines.
#[derive(Default)]
struct Collector {
    tables: HashSet<String>,
    scopes: Vec<Scope>,
}

/// The names that one query's `WITH` defines. A name can be used once its own
/// query is over, or from its beginning when it is recursive.
#[derive(Default)]
struct Scope {
    defined: Vec<Definition>,
    visible: Vec<String>,
}

struct Definition {
    name: String,
    query: *const Query,
    recursive: bool,
}

impl Scope {
    fn of(query: &Query) -> Self {
        let Some(with) = &query.with else {
            return Self::default();
        };
        let define = |cte: &sqlparser::ast::Cte| Definition {
            name: cte.alias.name.value.to_lowercase(),
            query: &raw const *cte.query,
            recursive: with.recursive,
        };
        Self {
            defined: with.cte_tables.iter().map(define).collect(),
            visible: Vec::new(),
        }
    }

    /// Make the name that `query` defines visible.
    fn reveal(&mut self, query: &Query, only_recursive: bool) {
        let defined = self.defined.iter().find(|definition| {
            std::ptr::eq(definition.query, query) && (definition.recursive || !only_recursive)
        });
        self.visible
            .extend(defined.map(|definition| definition.name.clone()));
    }
}

impl Visitor for Collector {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if let Some(around) = self.scopes.last_mut() {
            around.reveal(query, true);
        }
        self.scopes.push(Scope::of(query));
        if is_plain(&query.body) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break("this form of SELECT is not allowed".into())
        }
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        self.scopes.pop();
        if let Some(around) = self.scopes.last_mut() {
            around.reveal(query, false);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        match select.into {
            Some(_) => ControlFlow::Break("SELECT ... INTO is not allowed".into()),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<String> {
        match simple_name(name) {
            Ok(name) => {
                let defined = self
                    .scopes
                    .iter()
                    .any(|scope| scope.visible.contains(&name));
                if !defined && !TABLE_FUNCTIONS.contains(&name.as_str()) {
                    self.tables.insert(name);
                }
                ControlFlow::Continue(())
            }
            Err(reason) => ControlFlow::Break(reason),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            _ => ControlFlow::Break(format!("`{factor}` is not allowed in FROM")),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        let forbidden = match expression {
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                FORBIDDEN_FUNCTIONS.contains(&name.trim_matches(['`', '"', '[', ']']))
            }
            // Variables outlive the request on a connection that others use next.
            Expr::Identifier(ident) => ident.quote_style.is_none() && ident.value.starts_with('@'),
            Expr::CompoundIdentifier(parts) => parts
                .first()
                .is_some_and(|part| part.value.starts_with('@')),
            _ => false,
        };
        if forbidden {
            ControlFlow::Break(format!("`{expression}` is not allowed"))
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Whether a query is made of SELECT and VALUES alone.
fn is_plain(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => true,
        SetExpr::SetOperation { left, right, .. } => is_plain(left) && is_plain(right),
        _ => false,
    }
}
