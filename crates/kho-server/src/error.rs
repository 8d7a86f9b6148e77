//! Why a server could not start or had to stop.

/// An error of the server as a whole; what goes wrong in one request is answered there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The lake cannot be opened.
    #[error(transparent)]
    Lake(#[from] kho_lake::LakeError),
    /// A definition of the city cannot be followed.
    #[error(transparent)]
    Definition(#[from] kho_layer::LayerError),
    /// The query engine cannot be set up.
    #[error(transparent)]
    Query(#[from] kho_query::QueryError),
    /// A theme that ships with kho is not readable: a fault of the build.
    #[error("the map theme {name} cannot be read: {message}")]
    Theme {
        /// The theme's name.
        name: &'static str,
        /// What the parser says.
        message: String,
    },
    /// The public address is not one.
    #[error("{0:?} is no public address: give one like https://gis.example.vn, without a query")]
    PublicUrl(String),
    /// The port is taken, or the address is not this machine's.
    #[error("cannot listen on {address}: {source}; stop what listens there or choose another with --listen")]
    Bind {
        /// The address that was asked for.
        address: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The listening socket failed while serving.
    #[error("serving stopped: {0}")]
    Serve(std::io::Error),
}
