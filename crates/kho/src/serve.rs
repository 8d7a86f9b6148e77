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
    let center = city.config.center;
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
    context.wait(kho_server::serve(config, move |address| announce(json, address, center), stop_signal()))?;
    Ok(())
}

fn announce(json: bool, address: std::net::SocketAddr, center: [f64; 2]) {
    if json {
        println!("{}", serde_json::json!({ "listening": format!("http://{address}") }));
    } else {
        println!("map    http://{address}/");
        println!("IOC    http://{address}/ioc");
        println!("OGC    http://{address}/ogc");
        println!("tiles  http://{address}/tiles");
        let (x, y) = tile_at(center, 16);
        println!("a tile http://{address}/tiles/land_parcel/16/{x}/{y}");
        println!("Ctrl-C stops");
    }
}

/// The Web Mercator tile in which a place (longitude, latitude) lies.
fn tile_at([lon, lat]: [f64; 2], zoom: u8) -> (u32, u32) {
    let n = f64::from(1_u32 << zoom);
    let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0;
    (((lon + 180.0) / 360.0 * n) as u32, (y * n) as u32)
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

#[cfg(test)]
mod tests {
    /// From the tile arithmetic of the OpenStreetMap wiki: Nha Trang's centre at zoom 16.
    #[test]
    fn the_tile_of_a_place() {
        assert_eq!(super::tile_at([109.1905, 12.2475], 16), (52_645, 30_521));
        assert_eq!(super::tile_at([0.0, 0.0], 1), (1, 1));
    }
}
