//! Binding, serving, stopping.

use std::future::Future;
use std::net::SocketAddr;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::App;
use crate::config::{GRACE, ServerConfig};
use crate::error::ServerError;
use crate::router::router;

/// Serves a city until `shutdown` ends, then lets open requests finish.
///
/// `ready` is called once with the bound address, when connections are accepted.
///
/// # Errors
/// When the lake cannot be opened, the address cannot be bound, or the socket fails.
pub async fn serve(
    config: ServerConfig,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let listen = config.listen.clone();
    let app = App::open(config).await?;
    let feed = app.feed.clone();
    let router = router(app);
    let bind = |source| ServerError::Bind { address: listen.clone(), source };
    let listener = TcpListener::bind(&listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    // Tiles are small answers: waiting to fill a packet would be most of their time.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let (stopping, stopped) = oneshot::channel();
    let signal = async move {
        shutdown.await;
        tracing::info!("stopping");
        // Listeners have no request to finish, and would hold up the end for ever.
        feed.stop();
        // Nobody listens any more when serving has ended by itself.
        let _ = stopping.send(());
    };
    tracing::info!(%address, "serving");
    ready(address);
    let served = axum::serve(listener, router).with_graceful_shutdown(signal);
    tokio::select! {
        served = std::future::IntoFuture::into_future(served) => served.map_err(ServerError::Serve),
        () = grace(stopped) => {
            tracing::warn!("some connections did not finish in time");
            Ok(())
        }
    }
}

/// Ends some time after the shutdown began; never when it did not.
async fn grace(stopped: oneshot::Receiver<()>) {
    match stopped.await {
        Ok(()) => tokio::time::sleep(GRACE).await,
        Err(_) => std::future::pending().await,
    }
}
