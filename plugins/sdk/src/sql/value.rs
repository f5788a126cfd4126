//! Rust values as parameters.

use super::Value;

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl From<$type> for Value {
            fn from(number: $type) -> Self {
                Self::Integer(number.into())
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 u8 u16 u32 bool }

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

/// An instant as a parameter: ISO 8601 text in UTC, such as
/// `2019-07-21T08:56:02.000Z`. The database stores it as its date-time columns
/// do, and rows give it back in that form.
///
/// ```no_run
/// use edge_sdk::sql::{self, Timestamp};
///
/// # fn example() -> Result<(), sql::Error> {
/// let sent = "2019-07-21T08:56:02.000Z";
/// sql::query("UPDATE orders SET shipped_on = ? WHERE order_id = ?")
///     .bind(Timestamp(sent))
///     .bind(7)
///     .execute()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<T>(pub T);

impl<T: Into<String>> From<Timestamp<T>> for Value {
    fn from(Timestamp(text): Timestamp<T>) -> Self {
        Self::Timestamp(text.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_can_be_bound() {
        assert_eq!(Value::from(i64::MIN), Value::Integer(i64::MIN));
        assert_eq!(Value::from(u32::MAX), Value::Integer(4_294_967_295));
        assert_eq!(Value::from(true), Value::Integer(1));
        assert_eq!(Value::from(0.5), Value::Real(0.5));
        assert_eq!(Value::from("a\0b"), Value::Text("a\0b".to_owned()));
        assert_eq!(Value::from(String::new()), Value::Text(String::new()));
        assert_eq!(Value::from(vec![0, 255]), Value::Blob(vec![0, 255]));
        assert_eq!(Value::from(None::<i32>), Value::Null);
        assert_eq!(
            Value::from(Timestamp("2019-07-21T08:56:02Z")),
            Value::Timestamp("2019-07-21T08:56:02Z".to_owned())
        );
        assert_eq!(Value::from(Some("x")), Value::Text("x".to_owned()));
    }
}
