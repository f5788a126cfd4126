//! Methods of serde's `Deserializer` that differ in nothing but their arguments, written once.

/// Writes methods of a `Deserializer` whose visitor decides all by itself: the arguments that serde
/// passes besides, such as the names of a struct's fields, do not matter to the body.
macro_rules! deserialize_with {
    (|$this:ident, $visitor:ident| $body:expr => $($method:ident)*) => {$(
        $crate::deserialize::deserialize_with!(@$method $this, $visitor, $body);
    )*};

    (@deserialize_enum $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(
            @method deserialize_enum(_: &'static str, _: &'static [&'static str],) $($rest)*
        );
    };
    (@deserialize_newtype_struct $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(
            @method deserialize_newtype_struct(_: &'static str,) $($rest)*
        );
    };
    (@deserialize_struct $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(
            @method deserialize_struct(_: &'static str, _: &'static [&'static str],) $($rest)*
        );
    };
    (@deserialize_tuple $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(@method deserialize_tuple(_: usize,) $($rest)*);
    };
    (@deserialize_tuple_struct $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(
            @method deserialize_tuple_struct(_: &'static str, _: usize,) $($rest)*
        );
    };
    (@deserialize_unit_struct $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(
            @method deserialize_unit_struct(_: &'static str,) $($rest)*
        );
    };

    (@method $method:ident($($argument:tt)*) $this:ident, $visitor:ident, $body:expr) => {
        fn $method<V: ::serde::de::Visitor<'de>>(
            $this,
            $($argument)*
            $visitor: V,
        ) -> ::core::result::Result<V::Value, Self::Error> {
            $body
        }
    };
    (@$method:ident $($rest:tt)*) => {
        $crate::deserialize::deserialize_with!(@method $method() $($rest)*);
    };
}

pub(crate) use deserialize_with;
