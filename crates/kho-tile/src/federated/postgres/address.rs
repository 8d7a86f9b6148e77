//! The address of a database, with what kho adds to it.

use kho_layer::{PostgresDef, is_postgres_url};

/// The address that a definition names.
///
/// # Errors
/// In words that hold nothing of the address.
pub(super) fn of(def: &PostgresDef) -> Result<String, String> {
    let url = match (&def.url_env, &def.url) {
        (Some(name), _) => std::env::var(name)
            .ok()
            .filter(|url| !url.is_empty())
            .ok_or_else(|| format!("the environment variable {name} is not set"))?,
        (None, Some(url)) => url.reveal().to_owned(),
        (None, None) => return Err("it has no address".into()),
    };
    if !is_postgres_url(&url) {
        return Err("its address does not begin with postgresql://".into());
    }
    Ok(tuned(&url, def.timeout_seconds))
}

/// Lets the database itself end what takes too long, and refuse to write: a function is other
/// people's code. What the address sets already of the same kind comes before and is overruled.
fn tuned(url: &str, seconds: u16) -> String {
    let ours = format!(
        "-c%20statement_timeout%3D{}%20-c%20default_transaction_read_only%3Don",
        u32::from(seconds) * 1000
    );
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut params: Vec<String> = query.split('&').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    match params.iter_mut().find(|p| p.starts_with("options=")) {
        Some(options) => {
            options.push_str("%20");
            options.push_str(&ours);
        }
        None => params.push(format!("options={ours}")),
    }
    for (key, value) in [("application_name", "kho"), ("connect_timeout", "5")] {
        if !params.iter().any(|p| p.split('=').next() == Some(key)) {
            params.push(format!("{key}={value}"));
        }
    }
    format!("{base}?{}", params.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_already_stays() {
        assert_eq!(
            tuned("postgresql://me:pw@h:5433/d", 10),
            "postgresql://me:pw@h:5433/d?options=-c%20statement_timeout%3D10000%20-c%20default_transaction_read_only%3Don&application_name=kho&connect_timeout=5"
        );
        let own =
            tuned("postgresql://h/d?options=-c%20search_path%3Dgis&sslmode=verify-full&connect_timeout=2", 3);
        assert!(own.contains("options=-c%20search_path%3Dgis%20-c%20statement_timeout%3D3000"));
        assert!(own.contains("sslmode=verify-full") && own.contains("connect_timeout=2&"));
        assert!(!own.contains("connect_timeout=5"));
    }
}
