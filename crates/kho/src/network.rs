//! `kho network`.

use crate::args::{NetworkCommand, NetworkKind, TraceDirection};
use crate::context::{Context, LOCAL};
use anyhow::Context as _;
use kho_network::{Direction, Kind, Network};

pub fn run(context: &Context, command: NetworkCommand) -> anyhow::Result<()> {
    match command {
        NetworkCommand::Trace { network, from, direction } => {
            trace(context, &load(context, network)?, &from, direction)
        }
        NetworkCommand::Check { network } => check(context, &load(context, network)?),
    }
}

fn load(context: &Context, kind: NetworkKind) -> anyhow::Result<Network> {
    let kind = match kind {
        NetworkKind::Drainage => Kind::Drainage,
        NetworkKind::Lighting => Kind::Lighting,
    };
    let policy = context.policy()?;
    let lake = context.lake(policy.city())?;
    let [nodes, edges] = kind.layers();
    context.wait(async {
        let at = lake.current().await?;
        let nodes = policy.grant(&LOCAL, nodes, at)?;
        let edges = policy.grant(&LOCAL, edges, at)?;
        Ok(Network::load(kind, &lake, &nodes, &edges).await?)
    })
}

fn trace(context: &Context, network: &Network, from: &str, direction: TraceDirection) -> anyhow::Result<()> {
    let direction = match direction {
        TraceDirection::Upstream => Direction::Upstream,
        TraceDirection::Downstream => Direction::Downstream,
        TraceDirection::Connected => Direction::Connected,
    };
    let node = network.nodes().iter().find(|n| n.key == from).map(|n| n.id);
    let start = node.or_else(|| network.edges().iter().find(|e| e.key == from).and_then(|e| e.id));
    let trace = start
        .and_then(|id| network.trace(id, direction))
        .with_context(|| format!("nothing in the {} network has the code {from}", network.kind().name()))?;
    let keys = |nodes: &[&kho_network::Node]| nodes.iter().map(|n| n.key.clone()).collect::<Vec<_>>();
    let edges: Vec<_> = trace.edges.iter().map(|e| e.key.clone()).collect();
    context.answer(
        &serde_json::json!({
            "network": network.kind().name(),
            "from": from,
            "direction": direction.name(),
            "nodes": keys(&trace.nodes),
            "edges": edges,
            "ends": keys(&trace.ends),
            "length_m": trace.length_m,
        }),
        || {
            format!(
                "{} {} of {from}: {} nodes, {} edges, {:.1} m\nends at: {}",
                network.kind().name(),
                direction.name(),
                trace.nodes.len(),
                edges.len(),
                trace.length_m,
                keys(&trace.ends).join(", ")
            )
        },
    )
}

fn check(context: &Context, network: &Network) -> anyhow::Result<()> {
    let findings = network.check();
    context.answer(&serde_json::json!({ "network": network.kind().name(), "findings": findings }), || {
        let mut text = String::new();
        for f in &findings {
            text += &format!(
                "{:?} {} {} at {:.6}, {:.6}: {} → {}\n",
                f.severity, f.layer, f.key, f.place[0], f.place[1], f.message.vi, f.remedy.vi
            );
        }
        text + &format!(
            "{} findings in {} nodes and {} edges",
            findings.len(),
            network.nodes().len(),
            network.edges().len()
        )
    })
}
