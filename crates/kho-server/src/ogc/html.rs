//! Plain pages: readable without a script, a picture or another host.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

const CSS: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem;color:#222;background:#fff}\
a{color:#0b5f63}h1{font-size:1.5rem}table{border-collapse:collapse;display:block;overflow-x:auto}\
td,th{border-bottom:1px solid #ddd;padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}\
small{color:#666}nav{font-size:.9rem}";

/// The pages' style sheet.
pub(super) async fn css() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=86400")], CSS)
        .into_response()
}

/// A whole page; `body` is HTML, the rest is text.
pub(super) fn page(title: &str, base: &str, crumbs: &[(String, String)], body: &str, lang: &str) -> String {
    let (title, base) = (escape(title), escape(base));
    let mut trail = format!("<a href=\"{base}/ogc?f=html\">OGC API</a>");
    for (address, name) in crumbs {
        trail.push_str(" › ");
        trail.push_str(&anchor(address, name));
    }
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"{base}/ogc/plain.css\"></head>\
         <body><nav>{trail}</nav><main><h1>{title}</h1>{body}</main></body></html>"
    )
}

/// Text made safe for HTML, attributes included.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A link.
pub(super) fn anchor(address: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(address), escape(text))
}

/// A paragraph of text.
pub(super) fn paragraph(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<p>{}</p>", escape(text)) }
}

/// A list of HTML entries.
pub(super) fn list(entries: impl Iterator<Item = String>) -> String {
    format!("<ul>{}</ul>", entries.map(|entry| format!("<li>{entry}</li>")).collect::<String>())
}

/// A table; the head is text, the cells are HTML.
pub(crate) fn table<R: IntoIterator<Item = String>>(head: &[&str], rows: impl Iterator<Item = R>) -> String {
    let head: String = head.iter().map(|cell| format!("<th>{}</th>", escape(cell))).collect();
    let rows: String = rows
        .map(|row| {
            format!("<tr>{}</tr>", row.into_iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>())
        })
        .collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
}

/// A document's links.
pub(super) fn links(links: &[Value]) -> String {
    let text = |link: &Value, member: &str| link[member].as_str().unwrap_or_default().to_owned();
    list(links.iter().map(|link| {
        let rel = text(link, "rel");
        format!("{} <small>{}</small>", anchor(&text(link, "href"), &rel), escape(&text(link, "type")))
    }))
}

/// A value as text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_become_markup() {
        let evil = "<script>\"'&";
        let html = page(
            evil,
            "http://a",
            &[(evil.into(), evil.into())],
            &(anchor(evil, evil) + &paragraph(evil)),
            "vi",
        );
        assert!(!html.contains("<script>"));
        assert!(html.contains("&lt;script&gt;&quot;&#39;&amp;"));
    }
}
