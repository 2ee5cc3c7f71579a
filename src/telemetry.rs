//! The log: to stderr, as text or as one JSON object per line.
use crate::config::{LogFormat, LogSettings};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

/// Starts logging for the whole process.
///
/// # Errors
/// If the filter is malformed. A second call leaves the first one's log in place.
pub fn init(settings: &LogSettings) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let colours = std::io::stderr().is_terminal();
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Such an error would be printed to stderr too, and failing there panics: with a log on a full disk,
    // the request that had something to say.
    let log = log.log_internal_errors(false);
    // Only a second call can fail.
    drop(match settings.format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    });
    Ok(())
}
