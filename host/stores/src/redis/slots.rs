//! Slots of a cluster, by which its primaries are named.

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, Value};

/// Returns the lowest slot of each primary, from the reply to `CLUSTER SLOTS`: for each range its
/// first and last slot, its primary and its replicas.
pub(super) fn lowest_slots(mut ranges: Vec<Vec<Value>>) -> RedisResult<Vec<u16>> {
    let malformed = || RedisError::from((ErrorKind::UnexpectedReturnType, "CLUSTER SLOTS"));
    let mut lowest: Vec<(Value, u16)> = Vec::new();
    for range in &mut ranges {
        let [first, _, primary, ..] = range.as_mut_slice() else {
            return Err(malformed());
        };
        let first = u16::from_redis_value(std::mem::replace(first, Value::Nil))?;
        match lowest.iter_mut().find(|(node, _)| node == primary) {
            Some((_, slot)) => *slot = first.min(*slot),
            None => lowest.push((std::mem::replace(primary, Value::Nil), first)),
        }
    }
    let mut slots: Vec<u16> = lowest.into_iter().map(|(_, slot)| slot).collect();
    slots.sort_unstable();
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_is_known_by_its_lowest_slot() {
        let range = |first, last, node: &str| {
            let node = Value::Array(vec![Value::SimpleString(node.into())]);
            vec![Value::Int(first), Value::Int(last), node]
        };
        let ranges = vec![
            range(5000, 5999, "a"),
            range(6000, 16383, "b"),
            range(0, 4999, "a"),
        ];
        assert_eq!(lowest_slots(ranges).expect("well-formed"), [0, 6000]);
        assert!(lowest_slots(vec![vec![Value::Int(0)]]).is_err());
    }
}
