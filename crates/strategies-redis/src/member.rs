//! A container as the backlog and the workers' lists have it: all of it, as JSON.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{
    AmountError, ContainerKey, Gpus, Megabytes, Millicores, Request, Resources, StoreError,
};
use proofload_strategies::Popped;
use serde::{Deserialize, Serialize};

use crate::error::malformed;

/// The names are those of the source.
#[derive(Serialize, Deserialize)]
struct Member<'a> {
    #[serde(borrow)]
    container_id: Cow<'a, str>,
    /// Ours: makes two members of one container differ, and tells them apart in a report.
    key: u64,
    cpu: u32,
    memory: u32,
    gpu_count: u32,
    gpu_request: Vec<Cow<'a, str>>,
    pool_selector: Option<Cow<'a, str>>,
    priority: i32,
    preemptable: bool,
    workspace_id: Cow<'a, str>,
    gang: Option<Cow<'a, str>>,
    /// When it came, in nanoseconds of the run.
    timestamp: u64,
    retry_count: u32,
    /// Stands for image, mounts, environment and ports.
    payload: Cow<'a, str>,
}

fn borrowed(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// The JSON of a container.
pub(crate) fn write(container: &Popped) -> Result<String, StoreError> {
    let request = &*container.request;
    let member = Member {
        container_id: borrowed(&request.id),
        key: container.key.0,
        cpu: request.needs.cpu.get(),
        memory: request.needs.memory.get(),
        gpu_count: request.needs.gpus.get(),
        gpu_request: request.gpus.iter().map(|gpu| borrowed(gpu)).collect(),
        pool_selector: request.pool.as_deref().map(borrowed),
        priority: request.priority,
        preemptable: request.preemptable,
        workspace_id: borrowed(&request.workspace),
        gang: request.gang.as_deref().map(borrowed),
        timestamp: u64::try_from(container.enqueued.as_nanos()).unwrap_or(u64::MAX),
        retry_count: 0,
        payload: borrowed(&container.payload),
    };
    serde_json::to_string(&member)
        .map_err(|error| malformed(&request.id, format_args!("cannot be written as JSON: {error}")))
}

/// The container of a member of `key`.
pub(crate) fn read(key: &str, json: &[u8]) -> Result<Popped, StoreError> {
    // What it says is not shown: somebody's environment may be in it.
    let member: Member<'_> = serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        malformed(
            key,
            format_args!("a member is no container of ours (line {line}, column {column})"),
        )
    })?;
    let needs = needs(&member).map_err(|error| malformed(key, error))?;
    let request = Request {
        id: member.container_id.into_owned(),
        needs,
        gpus: member.gpu_request.into_iter().map(Cow::into_owned).collect(),
        pool: member.pool_selector.map(Cow::into_owned),
        priority: member.priority,
        preemptable: member.preemptable,
        workspace: member.workspace_id.into_owned(),
        gang: member.gang.map(Cow::into_owned),
    };
    Ok(Popped {
        key: ContainerKey(member.key),
        request: Arc::new(request),
        enqueued: Duration::from_nanos(member.timestamp),
        payload: member.payload.into(),
    })
}

fn needs(member: &Member<'_>) -> Result<Resources, AmountError> {
    Ok(Resources {
        cpu: Millicores::new(member.cpu.into())?,
        memory: Megabytes::new(member.memory.into())?,
        gpus: Gpus::new(member.gpu_count.into())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (cpu, memory) = (Millicores::MAX, Megabytes::MAX);
        let mut request =
            Request::new("a \"name\"\n", cpu, memory).with_gpus(Gpus::MAX, ["H100", "any"]);
        request.pool = Some("é".to_owned());
        request.gang = Some("g".to_owned());
        request.workspace = "w".to_owned();
        (request.priority, request.preemptable) = (-3, true);
        let container = Popped {
            key: ContainerKey(1 << 52),
            request: Arc::new(request),
            enqueued: Duration::from_nanos(1_234_567_891),
            payload: "{\"env\": []}".into(),
        };
        let json = write(&container).expect("JSON");
        let read = read("k", json.as_bytes()).expect("a container");
        assert_eq!(
            (read.key, &read.request, read.enqueued),
            (container.key, &container.request, container.enqueued)
        );
        assert_eq!(read.payload, container.payload);
    }

    #[test]
    fn what_is_none_is_told_without_what_it_says() {
        let good = Popped {
            key: ContainerKey(1),
            request: Arc::new(Request::new("c", Millicores::MAX, Megabytes::MAX)),
            enqueued: Duration::ZERO,
            payload: "planted".into(),
        };
        let json = write(&good).expect("JSON");
        for bad in [
            "planted".to_owned(),
            json.replace("\"key\":1", "\"key\":\"planted\""),
            json.replace("4194303", "4194304"),
            json.replace("\"cpu\":", "\"planted\":"),
        ] {
            let error = read("{p}:backlog", bad.as_bytes()).expect_err("no container").to_string();
            assert!(error.contains("{p}:backlog") && !error.contains("planted"), "{error}");
        }
    }
}
