//! `kho serve`.

use crate::context::{Context, catalog_url};
use kho_server::ServerConfig;

pub fn run(
    context: &Context,
    listen: &str,
    public_url: Option<String>,
    tile_cache_bytes: u64,
    block_cache_bytes: u64,
) -> anyhow::Result<()> {
    let city = context.city()?;
    let config = ServerConfig {
        dir: context.dir.clone(),
        catalog: catalog_url(&city),
        city,
        listen: listen.to_owned(),
        public_url,
        tile_cache_bytes,
        block_cache_bytes,
    };
    let json = context.json;
    context.wait(kho_server::serve(config, move |address| announce(json, address), stop_signal()))?;
    Ok(())
}

fn announce(json: bool, address: std::net::SocketAddr) {
    if json {
        println!("{}", serde_json::json!({ "listening": format!("http://{address}") }));
    } else {
        println!("map    http://{address}/");
        println!("IOC    http://{address}/ioc");
        println!("OGC    http://{address}/ogc");
        println!("tiles  http://{address}/tiles");
        println!("Ctrl-C stops");
    }
}

/// Ctrl-C, or SIGTERM from a service manager.
async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
