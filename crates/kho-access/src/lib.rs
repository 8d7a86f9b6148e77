//! Who may see what.
//!
//! No function of kho reads a layer without a [`Grant`], and only a [`Policy`] can make one. A
//! grant names one layer at one snapshot and the columns that may be read. Denied is the default:
//! a layer that a principal may not see does not exist for it, and a column outside the grant is
//! an error, so that neither a filter nor a sort on it can be used as an oracle. What other people's
//! databases and archives hold is behind the same door: a [`SourceGrant`] names one of them.
//!
//! ```
//! use kho_access::{Policy, Principal};
//! use kho_layer::StandardModel;
//! use std::sync::Arc;
//!
//! let policy = Policy::new(Arc::new(StandardModel::load()?));
//! let grant = policy.grant(&Principal::Anonymous, "land_parcel", 7)?;
//! assert!(grant.allows("so_thua"));
//! assert!(!grant.allows("chu_su_dung"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod grant;
mod policy;
mod source;

pub use error::AccessError;
pub use grant::Grant;
pub use policy::{Policy, Principal};
pub use source::SourceGrant;
