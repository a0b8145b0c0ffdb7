//! Schemas of arguments and answers, derived from their types and cut down to what every client understands: no
//! references, no formats outside the standard, no unions with null.

use rmcp::{
    model::JsonObject,
    schemars::{JsonSchema, generate::SchemaSettings},
};
use serde_json::Value;

/// Returns the schema of a tool's arguments.
pub(super) fn input<T: JsonSchema>() -> JsonObject {
    object(derived::<T>())
}

/// Returns the schema of a tool's answer. Nothing in it is required: some clients hold errors against it too.
pub(super) fn output<T: JsonSchema>() -> JsonObject {
    let mut schema = derived::<T>();
    each(&mut schema, &|schema| {
        for word in ["required", "minimum", "additionalProperties"] {
            schema.remove(word);
        }
    });
    object(schema)
}

fn derived<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.remove("description");
    }
    each(&mut schema, &plain);
    schema
}

fn object(schema: Value) -> JsonObject {
    let Value::Object(mut object) = schema else { return JsonObject::new() };
    object.entry("type").or_insert_with(|| "object".into());
    object.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    object
}

/// Visits a schema and all schemas in it, never a property that happens to be named like a word of the language.
fn each(schema: &mut Value, change: &dyn Fn(&mut JsonObject)) {
    let Some(object) = schema.as_object_mut() else { return };
    change(object);
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|property| each(property, change));
    }
    for word in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(word) {
            each(inner, change);
        }
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if let Some(list) = object.get_mut(word).and_then(Value::as_array_mut) {
            list.iter_mut().for_each(|inner| each(inner, change));
        }
    }
}

fn plain(schema: &mut JsonObject) {
    schema.remove("title");
    // The formats of Rust's numbers are no standard formats.
    schema.remove("format");
    // That a count is not below zero needs no telling.
    if schema.get("minimum") == Some(&Value::from(0)) {
        schema.remove("minimum");
    }
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(named)) = schema.get_mut("enum") {
        named.retain(|value| !value.is_null());
    }
    unwrap_option(schema);
}

/// Turns "this or null" into "this".
fn unwrap_option(schema: &mut JsonObject) {
    let Some(Value::Array(any)) = schema.get_mut("anyOf") else { return };
    any.retain(|one| one.get("type") != Some(&"null".into()));
    if let [Value::Object(one)] = &any[..] {
        let one = one.clone();
        schema.remove("anyOf");
        for (word, value) in one {
            schema.entry(word).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::schemars;
    use serde_json::json;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Inner {
        title: String,
        count: Option<u32>,
    }

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Outer {
        /// Says something.
        name: String,
        inner: Option<Inner>,
        all: Vec<Inner>,
    }

    #[test]
    fn a_schema_is_flat_and_plain() {
        let inner = json!({ "type": "object", "properties": { "title": { "type": "string" }, "count": { "type": "integer" } } });
        let expected = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "Says something." },
                "inner": inner,
                "all": { "type": "array", "items": inner },
            },
        });
        assert_eq!(Value::Object(output::<Outer>()), expected);
    }

    #[test]
    fn arguments_say_what_is_required_and_that_nothing_else_is_taken() {
        let schema = input::<Outer>();
        assert_eq!((&schema["additionalProperties"], &schema["required"]), (&json!(false), &json!(["name", "all"])));
    }
}
