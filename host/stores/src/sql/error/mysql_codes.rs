//! Classifies the error numbers of MySQL and MariaDB.
//!
//! Sources: the "Server Error Message Reference" of MySQL's manual, MariaDB's
//! "Error Codes", and `perror` of both. Numbers up to 1899 are the same in
//! both; later numbers in this table mean something else in the other server
//! only for statements that plugins cannot run. Numbers below 100 belong to the
//! servers' file layer (`mysys`), 2000 to 2999 to clients, which proxies before
//! a server pass on, and 9001 to ProxySQL.

/// Class of an error number, by which the node reacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The connection is lost or to be closed: the server shuts down, or lost
    /// it.
    Broken,
    /// The server takes no further connection; existing connections work.
    Full,
    /// The server refuses the user until the password or the account is
    /// corrected.
    Login,
    /// The server is read-only; after a failover, it follows another server.
    ReadOnly,
    /// The statement lost against a concurrent one, which undid the
    /// transaction: it is to be retried.
    Contention,
    /// The server temporarily lacks a resource: disk, memory, a lock.
    Busy,
    /// The statement exceeded its timeout.
    Timeout,
    /// A unique key, a foreign key or a check refused the change.
    Conflict,
}

use Meaning::{Broken, Busy, Conflict, Contention, Full, Login, ReadOnly, Timeout};

/// All error numbers that are not mistakes of a statement, in ascending order.
pub(super) const CODES: &[(u16, Meaning, &str)] = &[
    (1, Busy, "EE_CANTCREATEFILE"),
    (2, Busy, "EE_READ"),
    (3, Busy, "EE_WRITE"),
    (5, Busy, "EE_OUTOFMEMORY"),
    (20, Busy, "EE_DISK_FULL"),
    (23, Busy, "EE_OUT_OF_FILERESOURCES"),
    (1004, Busy, "ER_CANT_CREATE_FILE"),
    (1015, Busy, "ER_CANT_LOCK"),
    (1016, Busy, "ER_CANT_OPEN_FILE"),
    (1020, Contention, "ER_CHECKREAD"),
    (1021, Busy, "ER_DISK_FULL"),
    (1022, Conflict, "ER_DUP_KEY"),
    (1023, Busy, "ER_ERROR_ON_CLOSE"),
    (1024, Busy, "ER_ERROR_ON_READ"),
    (1026, Busy, "ER_ERROR_ON_WRITE"),
    (1028, Busy, "ER_FILSORT_ABORT"),
    (1030, Busy, "ER_GET_ERRNO"),
    // For example, a temporary file that could not be written.
    (1034, Busy, "ER_NOT_KEYFILE"),
    (1036, ReadOnly, "ER_OPEN_AS_READONLY"),
    (1037, Busy, "ER_OUTOFMEMORY"),
    (1038, Busy, "ER_OUT_OF_SORTMEMORY"),
    (1040, Full, "ER_CON_COUNT_ERROR"),
    (1041, Busy, "ER_OUT_OF_RESOURCES"),
    (1042, Full, "ER_BAD_HOST_ERROR"),
    (1043, Broken, "ER_HANDSHAKE_ERROR"),
    (1045, Login, "ER_ACCESS_DENIED_ERROR"),
    // A node of a Galera cluster that is not ready.
    (1047, Broken, "ER_UNKNOWN_COM_ERROR"),
    (1053, Broken, "ER_SERVER_SHUTDOWN"),
    (1062, Conflict, "ER_DUP_ENTRY"),
    (1080, Broken, "ER_FORCING_CLOSE"),
    (1114, Busy, "ER_RECORD_FILE_FULL"),
    (1129, Full, "ER_HOST_IS_BLOCKED"),
    (1130, Full, "ER_HOST_NOT_PRIVILEGED"),
    (1135, Full, "ER_CANT_CREATE_THREAD"),
    (1152, Broken, "ER_ABORTING_CONNECTION"),
    (1154, Broken, "ER_NET_READ_ERROR_FROM_PIPE"),
    (1156, Broken, "ER_NET_PACKETS_OUT_OF_ORDER"),
    (1158, Broken, "ER_NET_READ_ERROR"),
    (1159, Broken, "ER_NET_READ_INTERRUPTED"),
    (1160, Broken, "ER_NET_ERROR_ON_WRITE"),
    (1161, Broken, "ER_NET_WRITE_INTERRUPTED"),
    (1169, Conflict, "ER_DUP_UNIQUE"),
    (1180, Busy, "ER_ERROR_DURING_COMMIT"),
    (1184, Broken, "ER_NEW_ABORTING_CONNECTION"),
    // A MyISAM table that needs REPAIR TABLE.
    (1194, Busy, "ER_CRASHED_ON_USAGE"),
    (1195, Busy, "ER_CRASHED_ON_REPAIR"),
    (1203, Full, "ER_TOO_MANY_USER_CONNECTIONS"),
    (1205, Contention, "ER_LOCK_WAIT_TIMEOUT"),
    (1206, Busy, "ER_LOCK_TABLE_FULL"),
    (1213, Contention, "ER_LOCK_DEADLOCK"),
    (1216, Conflict, "ER_NO_REFERENCED_ROW"),
    (1217, Conflict, "ER_ROW_IS_REFERENCED"),
    (1223, ReadOnly, "ER_CANT_UPDATE_WITH_READLOCK"),
    (1226, Full, "ER_USER_LIMIT_REACHED"),
    // A proxy switched to another server, which lacks the prepared statements.
    (1243, Broken, "ER_UNKNOWN_STMT_HANDLER"),
    (1290, ReadOnly, "ER_OPTION_PREVENTS_STATEMENT"),
    (1297, Busy, "ER_GET_TEMPORARY_ERRMSG"),
    (1317, Busy, "ER_QUERY_INTERRUPTED"),
    (1412, Busy, "ER_TABLE_DEF_CHANGED"),
    (1451, Conflict, "ER_ROW_IS_REFERENCED_2"),
    (1452, Conflict, "ER_NO_REFERENCED_ROW_2"),
    (1461, Busy, "ER_MAX_PREPARED_STMT_COUNT_REACHED"),
    (1586, Conflict, "ER_DUP_ENTRY_WITH_KEY_NAME"),
    (1598, Busy, "ER_BINLOG_LOGGING_IMPOSSIBLE"),
    (1615, Busy, "ER_NEED_REPREPARE"),
    (1637, Busy, "ER_TOO_MANY_CONCURRENT_TRXS"),
    (1698, Login, "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"),
    (1761, Conflict, "ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO"),
    (
        1762,
        Conflict,
        "ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO",
    ),
    (1792, ReadOnly, "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION"),
    (1820, Login, "ER_MUST_CHANGE_PASSWORD"),
    (1836, ReadOnly, "ER_READ_ONLY_MODE"),
    (1859, Conflict, "ER_DUP_UNKNOWN_IN_INDEX"),
    (1862, Login, "ER_MUST_CHANGE_PASSWORD_LOGIN"),
    (1874, ReadOnly, "ER_INNODB_READ_ONLY"),
    (1878, Busy, "ER_TEMP_FILE_WRITE_FAILURE"),
    // MariaDB only, as is the next one.
    (1927, Broken, "ER_CONNECTION_KILLED"),
    (1969, Timeout, "ER_STATEMENT_TIMEOUT"),
    (2002, Broken, "CR_CONNECTION_ERROR"),
    (2003, Broken, "CR_CONN_HOST_ERROR"),
    (2006, Broken, "CR_SERVER_GONE_ERROR"),
    (2013, Broken, "CR_SERVER_LOST"),
    (2055, Broken, "CR_SERVER_LOST_EXTENDED"),
    // MySQL only, up to 4031, except where marked.
    (3024, Timeout, "ER_QUERY_TIMEOUT"),
    (3032, Broken, "ER_SERVER_OFFLINE_MODE"),
    (3100, Busy, "ER_RUN_HOOK_ERROR"),
    (3101, Contention, "ER_TRANSACTION_ROLLBACK_DURING_COMMIT"),
    (3118, Login, "ER_ACCOUNT_HAS_BEEN_LOCKED"),
    (3159, Login, "ER_SECURE_TRANSPORT_REQUIRED"),
    (3168, Broken, "ER_SERVER_ISNT_AVAILABLE"),
    (3169, Broken, "ER_SESSION_WAS_KILLED"),
    (3572, Busy, "ER_LOCK_NOWAIT"),
    (3675, Busy, "ER_DISK_FULL_NOWAIT"),
    (3797, Busy, "ER_GRP_TRX_CONSISTENCY_BEFORE"),
    (3798, Busy, "ER_GRP_TRX_CONSISTENCY_AFTER_ON_TRX_BEGIN"),
    (3819, Conflict, "ER_CHECK_CONSTRAINT_VIOLATED"),
    (
        3955,
        Login,
        "ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK",
    ),
    // MariaDB only.
    (4025, Conflict, "ER_CONSTRAINT_FAILED"),
    (4031, Broken, "ER_CLIENT_INTERACTION_TIMEOUT"),
    // MariaDB only.
    (4151, Login, "ER_ACCOUNT_HAS_BEEN_LOCKED"),
    (9001, Broken, "ProxySQL: no server in time"),
];

/// Returns the class of `number`; `None` for a mistake of the statement.
pub(super) fn meaning(number: u16) -> Option<Meaning> {
    let found = CODES.binary_search_by_key(&number, |(number, _, _)| *number);
    let (_, meaning, _) = CODES.get(found.ok()?)?;
    Some(*meaning)
}

/// Errors after which the server has or may have undone the whole transaction:
/// it lost against another, or there is no room for its locks.
const UNDONE: [u16; 6] = [1020, 1180, 1205, 1206, 1213, 3101];

/// Returns whether a transaction may be over after this error, so that a
/// further statement would be committed by itself.
pub(super) fn ends_transaction(number: u16) -> bool {
    UNDONE.contains(&number)
}

/// Returns whether a connection should be closed after this error, because its
/// prepared statements count towards the server's global limit.
pub(super) fn wants_statements_back(number: u16) -> bool {
    number == 1461
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_order() {
        assert!(CODES.is_sorted_by(|(one, ..), (other, ..)| one < other));
        assert_eq!(meaning(1040), Some(Full));
        assert_eq!(meaning(1064), None);
    }

    /// The table for operators lists the same numbers, one row for each class.
    #[test]
    fn the_documentation_has_every_number() {
        let document = include_str!("../../../../../docs/reliability.md");
        let rows: Vec<Vec<u16>> = document
            .lines()
            .filter(|line| line.starts_with("| 50") || line.starts_with("| 409: a unique"))
            .filter_map(|line| line.trim_end_matches(" |").rsplit("| ").next())
            .map(|cell| {
                cell.split(", ")
                    .filter_map(|text| text.parse().ok())
                    .collect()
            })
            .collect();
        let meanings = [
            Busy, Full, Login, Broken, ReadOnly, Contention, Timeout, Conflict,
        ];
        assert_eq!(rows.len(), meanings.len());
        for (row, meaning) in rows.iter().zip(meanings) {
            let ours = CODES.iter().filter(|(_, of, _)| *of == meaning);
            let ours: Vec<u16> = ours.map(|(number, ..)| *number).collect();
            assert_eq!(row, &ours, "{meaning:?}");
        }
    }

    /// A column without a default is a mistake of the plugin or of the
    /// operator, and a client cannot correct it by another value.
    #[test]
    fn only_values_that_others_have_are_conflicts() {
        for number in [1048, 1364, 1366, 1406] {
            assert_eq!(meaning(number), None, "{number}");
        }
    }
}
