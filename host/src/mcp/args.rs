//! Values that arguments share: money and lengths of time, read exactly, refused with a word on how to write them.

use bursar_core::{limits::read_length, money::Usd};
use rmcp::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use std::borrow::Cow;

/// An amount in USD, written as a number or as its text. Never computed with as a float.
#[derive(Debug, Clone, Copy)]
pub(super) struct Money(pub Usd);

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Money, D::Error> {
        let text = match serde_json::Value::deserialize(from)? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        let amount: Usd = text.parse().map_err(D::Error::custom)?;
        match amount < Usd::ZERO {
            true => Err(D::Error::custom(format!("`{text}` is below zero"))),
            false => Ok(Money(amount)),
        }
    }
}

impl JsonSchema for Money {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A length of time such as `4h`, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length(pub u64);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Length, D::Error> {
        let text = String::deserialize(from)?;
        let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        let bad =
            || D::Error::custom(format!("`{shown}` is no length; write it like 90m, 4h or 2d, of at least a minute"));
        read_length(&text).map(Length).ok_or_else(bad)
    }
}

impl JsonSchema for Length {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_taken_exactly_or_not_at_all() {
        for (json, micros) in [
            ("0.164", Some(164_000)),
            ("1", Some(1_000_000)),
            ("\"0.50\"", Some(500_000)),
            ("2.0", Some(2_000_000)),
            ("-1", None),
            ("1e-9", None),
            ("\"nan\"", None),
            ("true", None),
            ("null", None),
        ] {
            assert_eq!(serde_json::from_str::<Money>(json).ok().map(|money| money.0.0), micros, "{json}");
        }
    }

    #[test]
    fn a_length_needs_its_unit() {
        for (json, secs) in
            [("\"4h\"", Some(14_400)), ("\"90m\"", Some(5_400)), ("\"4\"", None), ("4", None), ("\"\"", None)]
        {
            assert_eq!(serde_json::from_str::<Length>(json).ok().map(|length| length.0), secs, "{json}");
        }
    }
}
