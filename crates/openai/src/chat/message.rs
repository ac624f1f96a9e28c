//! Whether the model wrote text in a message or a delta, found without reading the text.

use super::fields::read_fields;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

#[derive(Default)]
pub(super) struct Message {
    content: Content,
    refusal: Text,
    reasoning: Text,
    reasoning_content: Text,
    tool_calls: ToolCalls,
    function_call: Option<Call>,
}

read_fields!(
    Message,
    "a message",
    content,
    refusal,
    reasoning,
    reasoning_content,
    tool_calls,
    function_call
);

impl Message {
    pub(super) fn has_text(&self) -> bool {
        self.content.0
            || self.refusal.0
            || self.reasoning.0
            || self.reasoning_content.0
            || self.tool_calls.0
            || self.function_call.as_ref().is_some_and(Call::has_text)
    }
}

#[derive(Default)]
struct ToolCall {
    function: Option<Call>,
    custom: Option<Call>,
}

read_fields!(ToolCall, "a tool call", function, custom);

/// What is called and with what: `arguments` of a function, `input` of a custom tool.
#[derive(Default)]
struct Call {
    name: Text,
    arguments: Text,
    input: Text,
}

read_fields!(Call, "a call", name, arguments, input);

impl Call {
    fn has_text(&self) -> bool {
        self.name.0 || self.arguments.0 || self.input.0
    }
}

/// A part of a content that is a list.
#[derive(Default)]
struct Part {
    text: Text,
    refusal: Text,
    thinking: Text,
}

read_fields!(Part, "a part of a content", text, refusal, thinking);

/// Whether any call of a list holds text.
#[derive(Default)]
struct ToolCalls(bool);

impl<'de> Deserialize<'de> for ToolCalls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::<Self, ToolCall, D>(deserializer)
    }
}

impl Extend<ToolCall> for ToolCalls {
    fn extend<I: IntoIterator<Item = ToolCall>>(&mut self, calls: I) {
        for call in calls {
            let called = [call.function, call.custom];
            self.0 |= called.iter().flatten().any(Call::has_text);
        }
    }
}

/// Whether any part of a list holds text.
#[derive(Default)]
struct Parts(bool);

impl Extend<Part> for Parts {
    fn extend<I: IntoIterator<Item = Part>>(&mut self, parts: I) {
        for part in parts {
            self.0 |= part.text.0 || part.refusal.0 || part.thinking.0;
        }
    }
}

/// Whether a value is a string, list or object that is not empty. The value stays where it lies:
/// to unescape a string would allocate.
#[derive(Default)]
struct Text(bool);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(json.starts_with(['"', '[', '{']) && json.len() > 2))
    }
}

/// Whether a content holds text: a string, or a list of parts of which one does.
#[derive(Default)]
struct Content(bool);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        if json.starts_with('[') {
            let mut parts = serde_json::Deserializer::from_str(json);
            return list::<Parts, Part, _>(&mut parts)
                .map(|Parts(any)| Self(any))
                .map_err(D::Error::custom);
        }
        Ok(Self(json.starts_with('"') && json.len() > 2))
    }
}

/// Reads a list into what its members say together, without keeping them; `null` is an empty list,
/// and a `null` in it says nothing.
pub(super) fn list<'de, All, Member, D>(deserializer: D) -> Result<All, D::Error>
where
    All: Default + Extend<Member>,
    Member: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Members<All, Member>(PhantomData<(All, Member)>);

    impl<'de, All, Member> Visitor<'de> for Members<All, Member>
    where
        All: Default + Extend<Member>,
        Member: Deserialize<'de>,
    {
        type Value = All;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E>(self) -> Result<All, E> {
            Ok(All::default())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<All, A::Error> {
            let mut all = All::default();
            while let Some(member) = members.next_element::<Option<Member>>()? {
                all.extend(member);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(Members(PhantomData))
}
