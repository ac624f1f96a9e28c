//! A script's answer, part by part.

use proofload_scheduler::StoreError;

use crate::wire::Value;

/// What a script answered: a word, and what follows it.
pub(crate) struct Answer {
    script: &'static str,
    word: String,
    parts: std::vec::IntoIter<Value>,
}

impl Answer {
    pub(crate) fn new(script: &'static str, value: Value) -> Result<Self, StoreError> {
        let Value::Array(parts) = value else { return Err(unexpected(script)) };
        let mut answer = Self { script, word: String::new(), parts: parts.into_iter() };
        answer.word = answer.text()?;
        Ok(answer)
    }

    pub(crate) fn word(&self) -> &str {
        &self.word
    }

    /// Anything but what the caller knows is none of this version's.
    pub(crate) fn unexpected(&self) -> StoreError {
        StoreError::Failed(format!("script {}: unexpected answer {:?}", self.script, self.word))
    }

    fn next(&mut self) -> Result<Value, StoreError> {
        self.parts.next().ok_or_else(|| unexpected(self.script))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.next()? {
            Value::BulkString(bytes) => Ok(bytes),
            Value::SimpleString(text) => Ok(text.into_bytes()),
            _ => Err(unexpected(self.script)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?).map_err(|_| unexpected(self.script))
    }

    /// A number that the script gave as one, or as text.
    pub(crate) fn number(&mut self) -> Result<u64, StoreError> {
        let number = match self.next()? {
            Value::Int(number) => u64::try_from(number).ok(),
            Value::BulkString(text) => std::str::from_utf8(&text).ok().and_then(|t| t.parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| unexpected(self.script))
    }

    /// The same in the range of a `u32`.
    pub(crate) fn small(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.number()?).map_err(|_| unexpected(self.script))
    }

    /// A list in the answer.
    pub(crate) fn list(&mut self) -> Result<Self, StoreError> {
        let Value::Array(parts) = self.next()? else { return Err(unexpected(self.script)) };
        Ok(Self { script: self.script, word: String::new(), parts: parts.into_iter() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// All that is left, as texts.
    pub(crate) fn texts(mut self) -> Result<Vec<String>, StoreError> {
        let mut texts = Vec::with_capacity(self.len());
        while !self.is_empty() {
            texts.push(self.text()?);
        }
        Ok(texts)
    }
}

fn unexpected(script: &str) -> StoreError {
    StoreError::Failed(format!("script {script}: its answer is not as this version makes it"))
}
