//! Progress on a terminal: nothing is drawn into files, pipes or JSON.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;

/// A bar over `unit`s, or a spinner until the total is known.
pub fn bar(json: bool, label: String, unit: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(
        None,
        if json || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(8)
        },
    );
    let style = ProgressStyle::with_template(&format!(
        "{{msg:24}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{per_sec}} {{eta}}"
    ));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(label);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
