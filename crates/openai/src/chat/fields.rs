//! Structs read from JSON objects of which some fields matter.

use std::borrow::Cow;

/// A string, borrowed unless something in it is escaped.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Implements `Deserialize` for a struct with a default. Every field may be absent, unknown ones are
/// skipped, and of one that comes twice the last counts: what `serde` derives would refuse the
/// object. A list is refused, where `serde` would take its members as the fields, in order.
macro_rules! read_fields {
    ($object:ty, $expected:literal, $($field:ident),+) => {
        impl<'de> serde::Deserialize<'de> for $object {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $object;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut fields: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut object = Self::Value::default();
                        while let Some(name) = fields.next_key::<crate::chat::fields::Text<'_>>()? {
                            match &*name.0 {
                                $(stringify!($field) => object.$field = fields.next_value()?,)+
                                _ => _ = fields.next_value::<serde::de::IgnoredAny>()?,
                            }
                        }
                        Ok(object)
                    }
                }

                deserializer.deserialize_map(Fields)
            }
        }
    };
}
pub(super) use read_fields;
