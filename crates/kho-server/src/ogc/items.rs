//! Features of a collection, page by page, and single ones.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde_json::json;

use super::token::Token;
use super::{GEOJSON, HTML, JSON, html, language, link, page as html_page, pin, representations};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::cql::{self, FILTER};
use crate::data::filter::{Filter, Span, parse_bbox};
use crate::data::geojson::{value, write_feature, write_features};
use crate::data::index;
use crate::data::rows::{Page, page};
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::negotiate::Format;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

/// The most features of one page, and how many come when nobody says.
pub(super) const LIMIT_MAX: usize = 10_000;
pub(super) const LIMIT_DEFAULT: usize = 100;
/// A page for people is shorter.
const LIMIT_HTML: usize = 20;
/// The parameters of a page.
const KNOWN: [&str; 10] =
    ["f", "bbox", "bbox-crs", "datetime", "limit", "next", "snapshot", FILTER[0], FILTER[1], FILTER[2]];

pub(super) async fn items(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(name): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&KNOWN)?;
    let format = Format::of(&params, &headers)?;
    let usual = if format == Format::Html { LIMIT_HTML } else { LIMIT_DEFAULT };
    let limit = match params.number::<usize>("limit", "a whole number from 1 to 10000")? {
        Some(0) => return Err(Problem::bad_request("limit must be a whole number from 1 to 10000.")),
        // Asking for more than there is to have is answered with the most there is (7.15.2).
        Some(limit) => limit.min(LIMIT_MAX),
        None => usual,
    };
    let window = parse_bbox(params.get("bbox"), params.get("bbox-crs"))?;
    let valid = params.get("datetime").map(Span::parse).transpose()?;
    let token = params.get("next").map(token).transpose()?;
    // The token's snapshot holds for all pages, so that a delivery in between changes none of them.
    let at = match token {
        Some(token) if at.pinned && token.snapshot != at.snapshot() => {
            return Err(Problem::bad_request(
                "next belongs to another snapshot than the one named; leave one of them out.",
            ));
        }
        Some(token) => At::snapshot_of(&app, token.snapshot).await?,
        None => at,
    };
    let layer = at.catalogue.require(&name)?;
    let filter = Filter { window, valid, passing: cql::filter(&app, layer, &params).await? };
    let start = token.map(|token| token.position);
    let found = page(&app.lake, layer, filter.clone(), start, limit).await?;
    let answer = Answer {
        layer,
        at: &at,
        base: &base,
        params: &params,
        format,
        filter,
        first: start.is_none(),
        found,
    };
    let tagged = match format {
        Format::Json => Tagged::text(GEOJSON, Freshness::Revalidate, answer.geojson()),
        Format::Html => {
            Tagged::text("text/html; charset=utf-8", Freshness::Revalidate, answer.html(language(&headers)))
        }
    };
    Ok(with_crs(tagged.answer(&headers)))
}

fn token(text: &str) -> Result<Token, Problem> {
    text.parse()
        .map_err(|()| Problem::bad_request("next is not a token of this server; begin again without it."))
}

/// Says which CRS the coordinates are in (Part 2, requirement 17).
fn with_crs(mut response: Response) -> Response {
    let crs = HeaderValue::from_static("<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    response.headers_mut().insert("content-crs", crs);
    response
}

struct Answer<'a> {
    layer: &'a Published,
    at: &'a At,
    base: &'a str,
    params: &'a Params,
    format: Format,
    filter: Filter,
    first: bool,
    found: Page,
}

impl Answer<'_> {
    fn links(&self) -> Vec<serde_json::Value> {
        let root = format!("{}/ogc/collections/{}", self.base, self.layer.name());
        let items = format!("{root}/items");
        let mut links = representations(&items, &self.params.all(), self.format, GEOJSON).to_vec();
        if let Some(position) = self.found.next {
            let token = Token { snapshot: self.at.snapshot(), position };
            let (kind, query) = match self.format {
                Format::Json => (GEOJSON, self.params.with("next", &token.to_string())),
                Format::Html => {
                    (HTML, Params::parse(&self.params.with("next", &token.to_string())).with("f", "html"))
                }
            };
            links.push(link(format!("{items}?{query}"), "next", kind, "Next page"));
        }
        links.push(link(format!("{root}{}", pin(self.at)), "collection", JSON, &self.layer.def().name));
        links
    }

    /// How many features pass in all, where that is known without reading them.
    fn matched(&self) -> Option<u64> {
        if self.filter.is_empty() {
            return Some(self.layer.files.feature_count);
        }
        (self.first && self.found.next.is_none()).then_some(self.found.count as u64)
    }

    fn geojson(&self) -> String {
        let mut out = String::with_capacity(1024 + self.found.count * 512);
        out.push_str("{\"type\":\"FeatureCollection\"");
        if let Some(matched) = self.matched() {
            out.push_str(&format!(",\"numberMatched\":{matched}"));
        }
        out.push_str(&format!(",\"numberReturned\":{}", self.found.count));
        out.push_str(&format!(",\"links\":{}", json!(self.links())));
        out.push_str(",\"features\":[");
        let mut first = true;
        for batch in &self.found.batches {
            write_features(batch, first, &mut out);
            first &= batch.num_rows() == 0;
        }
        out.push_str("]}");
        out
    }

    fn html(&self, lang: &str) -> String {
        let columns: Vec<_> = self.layer.grant.columns().collect();
        let mut head = vec!["kho_id"];
        head.extend(columns.iter().map(|c| c.title.get(lang)));
        let root = format!("{}/ogc/collections", self.base);
        let rows =
            self.found.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
        let rows = rows.map(|(batch, row)| {
            let id = crate::data::geojson::id(batch, row).unwrap_or_default();
            let address = format!("{root}/{}/items/{id}?f=html", self.layer.name());
            std::iter::once(html::anchor(&address, &id.to_string()))
                .chain(columns.iter().map(|c| html::escape(&html::plain(&value(batch, &c.name, row)))))
                .collect::<Vec<_>>()
        });
        let body = html::table(&head, rows) + &html::links(&self.links());
        let crumbs = [
            (format!("{root}?f=html"), "Collections".to_owned()),
            (format!("{root}/{}?f=html", self.layer.name()), self.layer.name().to_owned()),
        ];
        html::page(self.layer.def().title.get(lang), self.base, &crumbs, &body, lang)
    }
}

pub(super) async fn item(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments((name, id)): Segments<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f", "snapshot"])?;
    let format = Format::of(&params, &headers)?;
    let layer = at.catalogue.require(&name)?;
    // An id that no feature can have is the id of no feature (7.16.2).
    let number =
        index::id(&id).map_err(|_| Problem::not_found(format!("Layer {name} has no such feature.")))?;
    let feature = index::feature(&app, layer, number).await?;
    let root = format!("{base}/ogc/collections/{name}");
    let mut links = representations(&format!("{root}/items/{id}"), &params.all(), format, GEOJSON).to_vec();
    links.push(link(format!("{root}{}", pin(&at)), "collection", JSON, &layer.def().name));
    match format {
        Format::Json => {
            let mut out = String::new();
            write_feature(&feature, 0, &format!(",\"links\":{}", json!(links)), &mut out);
            Ok(with_crs(Tagged::text(GEOJSON, Freshness::Revalidate, out).answer(&headers)))
        }
        Format::Html => {
            let lang = language(&headers);
            let rows = layer.grant.columns().map(|column| {
                let value = crate::data::words::value(&app.city, column, &value(&feature, &column.name, 0));
                [
                    html::escape(column.title.get(lang)),
                    html::escape(value.as_ref().map_or("", |v| v.get(lang))),
                ]
            });
            let body = html::table(&["", ""], rows) + &html::links(&links);
            let crumbs = [(format!("{root}/items?f=html"), name.clone())];
            html_page(Freshness::Revalidate, html::page(&id, &base, &crumbs, &body, lang), &headers)
        }
    }
}
