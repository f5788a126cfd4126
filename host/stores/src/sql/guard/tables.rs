//! Finds the tables that a statement reads and changes.
//!
//! Where the databases' rules for names differ or are unknown, a name counts as
//! a table's, which at worst denies too much and never too little.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, TableObject, Visit, Visitor,
};

use super::calls::Calls;
use super::functions;

/// Largest number of places in a statement that use names defined by `WITH`.
/// Databases expand such names like macros: definitions that use each other
/// twice make a query that grows exponentially while it is planned.
const MAX_USES: usize = 20;

/// Tables that a statement uses, in its own spelling.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) read: HashSet<String>,
    pub(super) changed: HashSet<String>,
    /// True if rows that are read are also locked (`FOR UPDATE`, `FOR SHARE`).
    pub(super) locks: bool,
}

/// Returns the tables that `statement` uses, and checks the functions that it
/// calls.
///
/// # Errors
/// Says why the statement is not allowed at all.
pub(super) fn used_by(statement: &Statement, calls: &Calls) -> Result<Tables, String> {
    let changed = targets(statement, calls)?;
    let used = collect(statement, calls)?;
    Ok(Tables {
        read: used.tables,
        changed,
        locks: used.locks,
    })
}

/// Returns every table that could be changed: for a join, all of its tables.
fn targets(statement: &Statement, calls: &Calls) -> Result<HashSet<String>, String> {
    match statement {
        Statement::Query(_) => Ok(HashSet::new()),
        Statement::Insert(insert) => match &insert.table {
            TableObject::TableName(name) => Ok(HashSet::from([simple_name(name)?])),
            _ => Err("this form of INSERT is not allowed".into()),
        },
        Statement::Update(update) => Ok(collect(&update.table, calls)?.tables),
        Statement::Delete(delete) => {
            let mut targets = collect(&delete.from, calls)?.tables;
            targets.extend(collect(&delete.using, calls)?.tables);
            for name in &delete.tables {
                targets.insert(simple_name(name)?);
            }
            Ok(targets)
        }
        _ => Err("only SELECT, INSERT, UPDATE and DELETE are allowed".into()),
    }
}

/// Returns every table that is named anywhere in `tree`.
///
/// # Errors
/// Names the form or function that is not allowed.
pub(super) fn named_in(tree: &impl Visit, calls: &Calls) -> Result<HashSet<String>, String> {
    collect(tree, calls).map(|collector| collector.tables)
}

fn collect<'c>(tree: &impl Visit, calls: &'c Calls) -> Result<Collector<'c>, String> {
    let mut collector = Collector::new(calls);
    match tree.visit(&mut collector) {
        ControlFlow::Continue(()) if collector.uses_of_defined() > MAX_USES => Err(format!(
            "a statement uses names that WITH defines in at most {MAX_USES} places"
        )),
        ControlFlow::Continue(()) => Ok(collector),
        ControlFlow::Break(reason) => Err(reason),
    }
}

/// Returns the single part of a name without a schema.
///
/// # Errors
/// When the name has several parts, or is no identifier.
pub(super) fn simple_name(name: &ObjectName) -> Result<String, String> {
    match name.0.as_slice() {
        [part] => part
            .as_ident()
            .map(|ident| ident.value.clone())
            .ok_or_else(|| format!("`{name}` is not the name of a table")),
        _ => Err(format!("`{name}` names another schema")),
    }
}

/// Visitor that collects tables and tells them from names that `WITH` defines.
/// Such a name counts only where it has the same spelling, since MySQL compares
/// the bytes.
struct Collector<'c> {
    calls: &'c Calls,
    tables: HashSet<String>,
    locks: bool,
    scopes: Vec<Scope>,
    /// True if the next relation visited is a table-valued function in FROM.
    is_function: bool,
    /// All names that any `WITH` defines, in lower case.
    defined: HashSet<String>,
    /// Number of places in which each name stands for a table, in lower case.
    uses: HashMap<String, usize>,
}

impl<'c> Collector<'c> {
    fn new(calls: &'c Calls) -> Self {
        Self {
            calls,
            tables: HashSet::new(),
            locks: false,
            scopes: Vec::new(),
            is_function: false,
            defined: HashSet::new(),
            uses: HashMap::new(),
        }
    }

    /// Returns the number of places that use names defined by any `WITH`,
    /// regardless of scope: a database may see them where the parser does not.
    fn uses_of_defined(&self) -> usize {
        let uses = |name| self.uses.get(name).copied().unwrap_or_default();
        self.defined.iter().map(uses).sum()
    }
}

/// Names that one query's `WITH` defines. A name is visible once its own query
/// is over, or from its beginning if it is recursive.
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
            name: cte.alias.name.value.clone(),
            query: &raw const *cte.query,
            recursive: with.recursive,
        };
        Self {
            defined: with.cte_tables.iter().map(define).collect(),
            visible: Vec::new(),
        }
    }

    /// Makes the name that `query` defines visible.
    fn reveal(&mut self, query: &Query, only_recursive: bool) {
        let defined = self.defined.iter().find(|definition| {
            std::ptr::eq(definition.query, query) && (definition.recursive || !only_recursive)
        });
        self.visible
            .extend(defined.map(|definition| definition.name.clone()));
    }
}

impl Visitor for Collector<'_> {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if let Some(around) = self.scopes.last_mut() {
            around.reveal(query, true);
        }
        let scope = Scope::of(query);
        let defined = scope.defined.iter().map(|it| it.name.to_ascii_lowercase());
        self.defined.extend(defined);
        self.scopes.push(scope);
        self.locks |= !query.locks.is_empty();
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
                *self.uses.entry(name.to_ascii_lowercase()).or_default() += 1;
                if !std::mem::take(&mut self.is_function) && !defined {
                    self.tables.insert(name);
                }
                ControlFlow::Continue(())
            }
            Err(reason) => ControlFlow::Break(reason),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        let allowed = match factor {
            TableFactor::Table { name, args, .. } => {
                self.is_function = args.is_some();
                args.is_none() || is_table_function(name)
            }
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => true,
            _ => false,
        };
        if allowed {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(format!("`{factor}` is not allowed in FROM"))
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        match expression {
            Expr::Function(function) if !self.calls.allow(function) => {
                ControlFlow::Break(format!("the function `{}` is not allowed", function.name))
            }
            Expr::Identifier(name)
                if name.quote_style.is_none() && functions::is_bare(&name.value) =>
            {
                ControlFlow::Break(format!("the function `{name}` is not allowed"))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn is_table_function(name: &ObjectName) -> bool {
    simple_name(name).is_ok_and(|name| functions::TABLE_VALUED.contains(&name.as_str()))
}

/// Returns whether a query consists of SELECT and VALUES only.
fn is_plain(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => true,
        SetExpr::SetOperation { left, right, .. } => is_plain(left) && is_plain(right),
        _ => false,
    }
}
