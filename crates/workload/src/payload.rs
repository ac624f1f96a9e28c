//! The bodies of a plan, read again when they are needed.

use crate::error::PayloadError;
use crate::index::{Index, row_number};
use crate::models::Renamed;
use crate::rows::RowReader;
use crate::source::Origin;
use crate::splice::{Spliced, Wanted, splice};
use bytes::Bytes;
use std::sync::Arc;

/// What is sent in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The JSON object.
    pub body: Bytes,
    /// It asks for a stream.
    pub stream: bool,
}

/// Reads the bodies of a plan by index. It belongs to one thread, and reading in rising order, also
/// with steps, is cheapest: it reads ahead.
pub struct Payloads {
    origin: Origin,
    index: Arc<Index>,
    len: u32,
    sent: Sent,
    reader: RowReader,
}

/// How the bodies are sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// They ask for a stream.
    pub(crate) stream: bool,
    /// They carry mode and priority.
    pub(crate) labels: bool,
    /// Which models they name.
    pub(crate) renamed: Arc<Renamed>,
}

impl Payloads {
    pub(crate) fn open(
        origin: Origin,
        index: Arc<Index>,
        len: u32,
        sent: Sent,
    ) -> Result<Self, PayloadError> {
        let handle = origin
            .open()
            .map_err(|source| PayloadError::Read { path: origin.name().to_owned(), source })?;
        let reader = RowReader::new(handle, index.columns.clone());
        Ok(Self { origin, index, len, sent, reader })
    }

    /// The body of the request at `index`, ready to send.
    ///
    /// # Errors
    /// [`PayloadError::Changed`] if the row is no longer what was checked, and
    /// [`PayloadError::Read`].
    ///
    /// # Panics
    /// Like a slice, if `index` is not below the plan's length.
    pub fn read(&mut self, index: u32) -> Result<Payload, PayloadError> {
        let (_, Spliced { body, stream, .. }) = self.read_with_id(index)?;
        Ok(Payload { body: body.into(), stream })
    }

    pub(crate) fn read_with_id(&mut self, index: u32) -> Result<(&str, Spliced), PayloadError> {
        let rows = &self.index.rows[..self.len as usize];
        let row = &rows[index as usize];
        let path = || self.origin.name().to_owned();
        match self.reader.read(row) {
            Ok(Some(again)) => {
                let class = &self.index.classes[usize::from(row.class)];
                let Sent { stream, labels, renamed } = &self.sent;
                let labels = labels.then_some((class.mode, class.priority));
                let model = renamed.models[usize::from(row.class)].as_deref();
                Ok((again.id, splice(again.body, Wanted { stream: *stream, labels, model })))
            }
            Ok(None) => {
                let row = row_number(&self.index.rows, row);
                Err(PayloadError::Changed { path: path(), row })
            }
            Err(source) => Err(PayloadError::Read { path: path(), source }),
        }
    }
}
