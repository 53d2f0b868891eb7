//! What the fields of an event or span mean, by their names.

use tracing::Metadata;

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role<'a> {
    Metric(&'a str),
    Step,
    Summary(&'a str),
    Config(&'a str),
    AlertTitle,
    AlertText,
    AlertWait,
    FilePolicy,
    File,
    /// `image.`, `row.` and whatever else the prefixes of later kinds are: not yet supported.
    Unsupported,
    /// The prefix of summary keys, or their goals; only next to summary values.
    Prefix,
    Goals,
    Message,
    /// Not ours.
    Other,
}

/// The role of a field by its name alone.
pub(super) fn role(name: &str) -> Role<'_> {
    match name.split_once('.') {
        Some(("metric", key)) => Role::Metric(key),
        Some(("summary", key)) => Role::Summary(key),
        Some(("config", key)) => Role::Config(key),
        Some(("alert", "title")) => Role::AlertTitle,
        Some(("alert", "text")) => Role::AlertText,
        Some(("alert", "wait_s")) => Role::AlertWait,
        Some(("file", "policy")) => Role::FilePolicy,
        Some(("file", _)) => Role::File,
        Some(("row" | "image", _)) => Role::Unsupported,
        Some(_) => Role::Other,
        None => match name {
            "step" => Role::Step,
            "message" => Role::Message,
            "prefix" => Role::Prefix,
            "goals" => Role::Goals,
            _ => Role::Other,
        },
    }
}

/// Whether an event carries data of ours.
pub(super) fn has_data(metadata: &Metadata<'_>) -> bool {
    metadata.fields().iter().any(|field| {
        matches!(
            role(field.name()),
            Role::Metric(_)
                | Role::Summary(_)
                | Role::Config(_)
                | Role::AlertTitle
                | Role::File
                | Role::Unsupported
        )
    })
}

/// Whether an event is a message for people.
pub(super) fn has_message(metadata: &Metadata<'_>) -> bool {
    metadata.fields().iter().any(|field| field.name() == "message")
}

/// Whether a span names a stage.
pub(super) fn is_stage(metadata: &Metadata<'_>) -> bool {
    metadata.fields().iter().any(|field| field.name() == "stage")
}

/// Whether every field is a metric or the step, so that its rows can take the short way.
pub(super) fn only_metrics(metadata: &Metadata<'_>) -> bool {
    metadata.fields().iter().all(|field| matches!(role(field.name()), Role::Metric(_) | Role::Step))
        && metadata.fields().iter().any(|field| matches!(role(field.name()), Role::Metric(_)))
}
