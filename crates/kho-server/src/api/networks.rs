//! Tracing and checking the networks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_network::{Direction, Edge, Kind, Network, NetworkError, Node};
use serde_json::{Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

/// The most features that a trace draws; its ids are always all there.
const DRAWN: usize = 20_000;
/// The most findings of one answer.
const FINDINGS: usize = 5_000;

async fn network(app: &App, at: &At, name: &str) -> Result<Arc<Network>, Problem> {
    let kind = Kind::from_name(name).ok_or_else(|| {
        Problem::not_found(format!("No network is called {name}; there are: drainage, lighting."))
    })?;
    let [nodes, edges] = kind.layers();
    let (nodes, edges) = (at.catalogue.require(nodes)?, at.catalogue.require(edges)?);
    let key = (kind, nodes.files.layer_since, edges.files.layer_since);
    let load = async { Network::load(kind, &app.lake, &nodes.grant, &edges.grant).await.map(Arc::new) };
    let network = app.caches.networks.try_get_with(key, load).await;
    network.map_err(|error: Arc<NetworkError>| Problem::from(&*error))
}

pub(super) async fn trace(
    State(app): State<App>,
    at: At,
    Segments(name): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let network = network(&app, &at, &name).await?;
    let from = params
        .number::<i64>("from", "the id of a node or a pipe")?
        .ok_or_else(|| Problem::bad_request("from must be the id of a node or a pipe."))?;
    let direction = params.get("direction").unwrap_or("downstream");
    let direction = Direction::from_name(direction)
        .ok_or_else(|| Problem::bad_request("direction must be upstream, downstream or connected."))?;
    let snapshot = at.snapshot();
    let walk = move || {
        let trace = network.trace(from, direction)?;
        let features: Vec<Value> = trace
            .edges
            .iter()
            .map(|edge| line(&name, edge))
            .chain(trace.nodes.iter().map(|n| point(n)))
            .take(DRAWN)
            .collect();
        Some(json!({
            "network": name,
            "direction": direction.name(),
            "from": from,
            "snapshot": snapshot,
            "length_m": (trace.length_m * 100.0).round() / 100.0,
            "nodes": trace.nodes.iter().map(|n| n.id).collect::<Vec<_>>(),
            // A presumed wire has no id of its own.
            "edges": trace.edges.iter().filter_map(|e| e.id).collect::<Vec<_>>(),
            "ends": trace.ends.iter().map(|n| json!({"id": n.id, "layer": n.layer, "key": n.key, "role": n.role})).collect::<Vec<_>>(),
            "truncated": trace.nodes.len() + trace.edges.len() > DRAWN,
            "features": {"type": "FeatureCollection", "features": features},
        }))
    };
    let body = tokio::task::spawn_blocking(walk).await?;
    let body =
        body.ok_or_else(|| Problem::not_found(format!("Feature {from} is not part of this network.")))?;
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

fn line(network: &str, edge: &Edge) -> Value {
    let properties = if network == Kind::Drainage.name() {
        json!({"layer": Kind::Drainage.layers()[1], "key": edge.key, "length_m": edge.length_m})
    } else {
        json!({"layer": null, "presumed": true, "length_m": edge.length_m})
    };
    json!({
        "type": "Feature",
        "id": edge.id,
        "geometry": {"type": "LineString", "coordinates": edge.path},
        "properties": properties,
    })
}

fn point(node: &Node) -> Value {
    json!({
        "type": "Feature",
        "id": node.id,
        "geometry": node.at.map(|at| json!({"type": "Point", "coordinates": at})),
        "properties": {"layer": node.layer, "key": node.key, "role": node.role},
    })
}

/// What is wrong with a network, as far as its public columns tell.
pub(super) async fn findings(
    State(app): State<App>,
    at: At,
    Segments(name): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let network = network(&app, &at, &name).await?;
    let mut findings = tokio::task::spawn_blocking(move || network.check()).await?;
    let count = findings.len();
    findings.truncate(FINDINGS);
    let body = json!({"network": name, "snapshot": at.snapshot(), "count": count, "findings": findings});
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}
