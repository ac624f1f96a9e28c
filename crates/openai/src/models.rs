//! The list of models that a server offers: the answer to `GET /v1/models`.

use serde::Deserialize;

/// Why a body is no list of models.
#[derive(Debug, thiserror::Error)]
#[error("not a list of models")]
pub struct NoList {
    #[from]
    source: serde_json::Error,
}

/// The ids of the models that `body` lists, in its order. An entry without an id is left out.
///
/// ```
/// let body = br#"{"object": "list", "data": [{"id": "llama", "object": "model"}]}"#;
/// assert_eq!(proofload_openai::models::read_list(body)?, ["llama"]);
/// # Ok::<(), proofload_openai::models::NoList>(())
/// ```
///
/// # Errors
/// [`NoList`] if it has not the shape `{"data": [{"id": …}]}`.
pub fn read_list(body: &[u8]) -> Result<Vec<String>, NoList> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: Option<String>,
    }
    let List { data } = serde_json::from_slice(body)?;
    Ok(data.into_iter().filter_map(|model| model.id).collect())
}

/// Whether a model that is listed as `listed` is what a request for `asked` gets: the same name, the
/// name before `:latest` (Ollama), or one that a listed pattern such as `openai/*` takes in
/// (LiteLLM).
#[must_use]
pub fn is_listed_as(asked: &str, listed: &str) -> bool {
    let latest = || listed.strip_suffix(":latest") == Some(asked);
    let pattern = || listed.strip_suffix('*').is_some_and(|start| asked.starts_with(start));
    asked == listed || latest() || pattern()
}

#[cfg(test)]
mod tests {
    use super::{is_listed_as, read_list};

    #[test]
    fn lists_of_several_servers_are_read() {
        for (name, body, want) in [
            ("none", r#"{"object":"list","data":[]}"#, &[] as &[_]),
            (
                "vLLM",
                r#"{"object":"list","data":[{"id":"a","root":"/m","permission":[{}]}]}"#,
                &["a"],
            ),
            (
                "llama.cpp",
                r#"{"models":[{"name":"x"}],"data":[{"id":"a","meta":{}},{"id":"b"}]}"#,
                &["a", "b"],
            ),
            ("an entry without an id", r#"{"data":[{"name":"x"},{"id":null},{"id":"b"}]}"#, &["b"]),
        ] {
            assert_eq!(read_list(body.as_bytes()).unwrap(), want, "{name}");
        }
        for body in
            ["", "[]", "{}", r#"{"data":null}"#, r#"{"error":"no"}"#, "<html>", "{\"data\":[1]}"]
        {
            assert!(read_list(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_name_may_be_listed_in_other_words() {
        for (asked, listed, want) in [
            ("llama3", "llama3", true),
            ("llama3", "llama3:latest", true),
            ("llama3", "llama3:8b", false),
            ("llama3:latest", "llama3", false),
            ("openai/gpt-4", "openai/*", true),
            ("gpt-4", "openai/*", false),
            ("anything", "*", true),
            ("Llama3", "llama3", false),
        ] {
            assert_eq!(is_listed_as(asked, listed), want, "{asked} {listed}");
        }
    }
}
