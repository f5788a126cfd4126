//! Versions against the rules of shapes, by all changes and reads of a small table.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{PendingChanges, ResultVersion, SchemaFacts, TableFacts, Untracked, Versions};
use crate::sql::guard::{Change, ChangeKind, Columns, Dependency, RowSet, TableRead};

fn columns() -> Vec<Columns> {
    let names = ["a", "b"];
    let sets = (0..4_usize).map(|set| {
        let named = names.iter().enumerate();
        let named = named.filter(|(index, _)| set & (1 << index) != 0);
        named.map(|(_, name)| *name).collect()
    });
    sets.chain([Columns::All]).collect()
}

fn rows() -> Vec<RowSet> {
    let mut rows = vec![RowSet::Any];
    for keys in [vec![], vec![1], vec![2], vec![1, 2]] {
        rows.push(RowSet::Selected(keys.into_iter().collect()));
    }
    for key in [1, 2] {
        rows.extend([true, false].map(|found| RowSet::Fixed { key, found }));
    }
    rows
}

fn changes() -> Vec<Change> {
    let mut kinds = vec![ChangeKind::Insert, ChangeKind::Delete, ChangeKind::Rewrite];
    kinds.extend(columns().into_iter().map(ChangeKind::Update));
    let mut changes = Vec::new();
    for kind in kinds {
        for key in [None, Some(1), Some(3)] {
            // Shapes name a key in changes of rows that exist alone.
            if key.is_none() || !matches!(kind, ChangeKind::Insert | ChangeKind::Rewrite) {
                let (table, kind) = ("t".to_owned(), kind.clone());
                changes.push(Change { table, kind, key });
            }
        }
    }
    changes
}

fn dependencies() -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    for columns in columns() {
        for membership in self::columns() {
            for rows in rows() {
                dependencies.push(Dependency {
                    table: "t".to_owned(),
                    columns: columns.clone(),
                    membership: membership.clone(),
                    rows,
                });
            }
        }
    }
    // The columns that decide on membership are among those that are read.
    dependencies.retain(|one| match (&one.columns, &one.membership) {
        (Columns::Named(all), Columns::Named(some)) => some.is_subset(all),
        (Columns::All, _) => true,
        (Columns::Named(_), Columns::All) => false,
    });
    dependencies
}

fn tracked(versions: &Arc<Versions>, dependency: &Dependency) -> ResultVersion {
    let read = TableRead::of(
        &dependency.table,
        &dependency.columns,
        &dependency.membership,
    );
    let id = versions.track(&read).expect("few reads");
    ResultVersion::new(versions.clone(), versions.now(), [(id, dependency)])
}

#[test]
fn a_change_invalidates_the_results_that_it_affects() {
    let (mut affected, mut kept) = (0, 0);
    for dependency in dependencies() {
        for change in changes() {
            let versions = Arc::new(Versions::default());
            let result = tracked(&versions, &dependency);
            assert!(result.is_current());
            versions.apply(&change);
            if change.affects(&dependency) {
                affected += 1;
                assert!(!result.is_current(), "{change:?} affects {dependency:?}");
            } else if result.is_current() {
                kept += 1;
            } else {
                // The only rule that versions do not know apart: a row that was not there is taken
                // to be there after any change of the membership.
                let is_missing = matches!(dependency.rows, RowSet::Fixed { found: false, .. });
                assert!(is_missing, "{change:?} does not affect {dependency:?}");
            }
        }
    }
    assert!(
        affected > 100 && kept > 100,
        "{affected} affected, {kept} kept"
    );
}

#[test]
fn a_change_during_the_query_invalidates_its_result() {
    let versions = Arc::new(Versions::default());
    let dependency = dependencies().remove(0);
    let read = TableRead::of("t", &dependency.columns, &dependency.membership);
    let id = versions.track(&read).expect("few reads");
    let since = versions.now();
    versions.apply(&changes().remove(0));
    let result = ResultVersion::new(versions.clone(), since, [(id, &dependency)]);
    assert!(!result.is_current());
    let later = ResultVersion::new(versions.clone(), versions.now(), [(id, &dependency)]);
    assert!(later.is_current());
}

#[test]
fn changes_take_effect_when_nobody_can_commit_them_any_more() {
    let versions = Arc::new(Versions::default());
    let result = tracked(&versions, &dependencies().remove(0));
    let caller = PendingChanges::new(versions.clone());
    caller.add(vec![changes().remove(0)]);
    let committing = caller.clone();
    drop(caller);
    assert!(result.is_current());
    drop(committing);
    assert!(!result.is_current());
}

#[test]
fn many_changes_of_one_transaction_rewrite_its_table() {
    let versions = Arc::new(Versions::default());
    let keys = BTreeSet::from([1_000_000]);
    let row = Dependency {
        rows: RowSet::Selected(keys),
        columns: Columns::from_iter(["a"]),
        membership: Columns::from_iter(Vec::<String>::new()),
        table: "t".to_owned(),
    };
    let update = |key| Change {
        table: "t".to_owned(),
        kind: ChangeKind::Update(Columns::from_iter(["a"])),
        key: Some(key),
    };
    for (count, is_current) in [(100, true), (1000, false)] {
        let result = tracked(&versions, &row);
        let changes = PendingChanges::new(versions.clone());
        (0..count).for_each(|key| changes.add(vec![update(key)]));
        drop(changes);
        assert_eq!(result.is_current(), is_current, "{count}");
    }
}

#[test]
fn everything_can_be_invalidated_at_once() {
    let versions = Arc::new(Versions::default());
    let result = tracked(&versions, &dependencies().remove(0));
    drop(versions.invalidate_on_drop());
    assert!(!result.is_current());
    assert!(tracked(&versions, &dependencies().remove(0)).is_current());
}

#[test]
fn only_so_many_kinds_of_reads_of_a_table_are_tracked() {
    let versions = Versions::default();
    let read = |name: usize| {
        let columns = Columns::from_iter([format!("column_{name}")]);
        versions.track(&TableRead::of("t", &columns, &columns))
    };
    assert!((0..64).all(|name| read(name).is_ok()));
    assert_eq!(read(64), Err(Untracked::TooManyReads));
    assert_eq!(read(7), read(7));
    let other = Columns::All;
    assert!(versions.track(&TableRead::of("u", &other, &other)).is_ok());
}

#[test]
fn a_schema_decides_which_tables_are_followed() {
    let versions = Versions::default();
    assert_eq!(versions.schema().check("t"), Err(Untracked::NoTable));
    let mut facts = SchemaFacts::default();
    let key = Some("Id".to_owned());
    facts.add(
        "t".to_owned(),
        TableFacts {
            key,
            ..TableFacts::default()
        },
    );
    versions.learn(facts);
    assert_eq!(versions.schema().check("t"), Ok(()));
    assert_eq!(versions.schema().keys["t"], "id");
    let mut facts = SchemaFacts::default();
    let untracked = Some(Untracked::Trigger);
    facts.add(
        "t".to_owned(),
        TableFacts {
            untracked,
            ..TableFacts::default()
        },
    );
    versions.learn(facts);
    assert_eq!(versions.schema().check("t"), Err(Untracked::Trigger));
    assert!(versions.schema().keys.is_empty());
}
