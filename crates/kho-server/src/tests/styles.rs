//! Styles and what they refer to: icons, patterns, fonts.

use std::collections::BTreeSet;
use std::net::TcpListener;

use pbf_font_tools::Glyphs;
use pbf_font_tools::prost::Message as _;

use super::*;

const STYLES: [&str; 5] = [
    "/styles/portal.json",
    "/styles/ioc.json",
    "/styles/infrastructure.json",
    "/arcgis/rest/services/portal/VectorTileServer/resources/styles/root.json",
    "/arcgis/rest/services/drain_node/VectorTileServer/resources/styles/root.json",
];

/// The path of an address on this server.
fn path(url: &str) -> String {
    url.strip_prefix("http://city.example").unwrap_or_else(|| panic!("{url}")).replace(' ', "%20")
}

/// The values that a property of the style's map layers can take: the outputs of a `match`, or the
/// value itself.
fn values(style: &Value, group: &str, property: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for layer in style["layers"].as_array().unwrap() {
        match &layer[group][property] {
            Value::Null => {}
            Value::String(value) => {
                found.insert(value.clone());
            }
            Value::Array(parts) => {
                assert_eq!(parts[0], "match", "{parts:?}");
                let outputs = parts[2..].chunks(2).map(|pair| pair.last().unwrap());
                found.extend(outputs.map(|value| value.as_str().unwrap().to_owned()));
            }
            other => panic!("{other}"),
        }
    }
    found.remove("");
    found
}

/// Width and height of a PNG, from its header.
fn size(png: &[u8]) -> (u64, u64) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u64::from(u32::from_be_bytes(png[at..at + 4].try_into().unwrap()));
    (number(16), number(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_icon_and_font_of_a_style_is_there() {
    let served = Served::start().await;
    let mut seen = BTreeSet::new();
    for address in STYLES {
        let style = served.json(address).await;
        let sprite = path(style["sprite"].as_str().unwrap());
        for (ratio, suffix) in [(1, ""), (2, "@2x")] {
            let index = served.json(&format!("{sprite}{suffix}.json")).await;
            let picture = served.get(&format!("{sprite}{suffix}.png")).await;
            assert_eq!(picture.header("content-type"), "image/png");
            let (width, height) = size(&picture.body);
            for (name, icon) in index.as_object().unwrap() {
                let number = |key: &str| icon[key].as_u64().unwrap();
                assert_eq!(number("pixelRatio"), ratio, "{name}");
                assert!(number("x") + number("width") <= width, "{name} {width}");
                assert!(number("y") + number("height") <= height, "{name} {height}");
            }
            let icons = values(&style, "layout", "icon-image");
            for icon in &icons {
                assert_eq!(index[icon]["sdf"], true, "{address}: {icon}");
            }
            let patterns = values(&style, "paint", "fill-pattern");
            for pattern in &patterns {
                // A distance field cannot be a pattern.
                assert!(
                    index[pattern].is_object() && index[pattern].get("sdf").is_none(),
                    "{address}: {pattern}"
                );
            }
            seen.extend(icons);
            seen.extend(patterns);
        }
        let glyphs = style["glyphs"].as_str().unwrap();
        let stacks: BTreeSet<String> = style["layers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|layer| layer["layout"]["text-font"].as_array())
            .map(|stack| stack.iter().map(|font| font.as_str().unwrap()).collect::<Vec<_>>().join(","))
            .collect();
        assert_eq!(stacks.is_empty(), address.contains("drain_node"), "{address}");
        for stack in stacks {
            for range in ["0-255", "256-511", "7680-7935"] {
                let url = path(&glyphs.replace("{fontstack}", &stack).replace("{range}", range));
                let answer = served.get(&url).await;
                assert_eq!(answer.status, StatusCode::OK, "{url}: {}", answer.text());
                assert_eq!(answer.header("content-type"), "application/x-protobuf");
            }
        }
    }
    for name in ["manhole", "flow", "project", "pattern-trees-a8cf9a", "pattern-plain-ffb3c7"] {
        assert!(seen.contains(name), "{name} in {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn glyphs_hold_vietnamese_and_stacks_fall_back() {
    let served = Served::start().await;
    let names = served.json("/fonts").await;
    assert!(names["fonts"].as_array().unwrap().contains(&json!("Be Vietnam Pro")), "{names}");
    let ids = |answer: &Answer| -> Vec<u32> {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let glyphs = Glyphs::decode(answer.body.as_ref()).unwrap();
        glyphs.stacks[0].glyphs.iter().map(|glyph| glyph.id).collect()
    };
    let range = "/fonts/Be%20Vietnam%20Pro%20Bold/7680-7935.pbf";
    let answer = served.get(range).await;
    for letter in "ếộữỆẬỹ".chars() {
        assert!(ids(&answer).contains(&u32::from(letter)), "{letter}");
    }
    assert_eq!(answer.header("cache-control"), "public, max-age=86400");
    let again = served.ask(range, &[("if-none-match", answer.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    // Names that are not here are passed over, as long as one is.
    let other = served.get("/fonts/Open%20Sans%20Regular,Be%20Vietnam%20Pro%20Bold/7680-7935.pbf").await;
    assert_eq!(other.body, answer.body);
    let none = served.get("/fonts/Open%20Sans%20Regular/7680-7935.pbf").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(none.text().contains("Be Vietnam Pro SemiBold"), "{}", none.text());
    // A range without a letter of the font is empty, not an error.
    assert!(ids(&served.get("/fonts/Be%20Vietnam%20Pro/12288-12543.pbf").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_refused() {
    let served = Served::start().await;
    for path in [
        "/fonts/..%2f..%2fkho.toml/0-255.pbf",
        "/fonts/%2e%2e/0-255.pbf",
        "/fonts/Be%20Vietnam%20Pro%00/0-255.pbf",
        "/fonts/Be%20Vietnam%20Pro/..%2f0-255.pbf",
        "/fonts/Be%20Vietnam%20Pro/4294967040-4294967295.pbf",
        "/fonts/Be%20Vietnam%20Pro/-256--1.pbf",
        "/fonts/Be%20Vietnam%20Pro/0-255.pbf.json",
        "/styles/sprites/..%2fkho.json",
        "/styles/sprites/kho-.%2f.json%00",
        "/styles/icons/..%2f..%2fkho.svg",
        "/styles/icons/lamp",
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
        assert!(!answer.text().contains("%2f") && !answer.text().contains('\0'));
    }
    let long = format!("/fonts/{}/0-255.pbf", "x".repeat(10_000));
    let answer = served.get(&long).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.len() < 1_000, "what was asked is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_is_kept_by_its_version() {
    let served = Served::start().await;
    let style = served.json("/styles/portal.json").await;
    let current = served.get(&format!("{}.json", path(style["sprite"].as_str().unwrap()))).await;
    assert!(current.header("cache-control").contains("immutable"));
    for other in ["/styles/sprites/kho.json", "/styles/sprites/kho-0123456789abcdef.json"] {
        let answer = served.get(other).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &current.body), "{other}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{other}");
        let again = served.ask(other, &[("if-none-match", answer.header("etag"))]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_city_adds_icons_and_what_they_name_is_not_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let svg = |inside: &str| {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{inside}<circle cx="9" cy="9" r="5"/></svg>"#
        )
    };
    let outside = svg(&format!(
        r#"<image href="http://{}/a.png" width="9" height="9"/>"#,
        listener.local_addr().unwrap()
    ));
    let served = Served::prepared(|dir| {
        let icons = dir.join("styles/icons");
        std::fs::create_dir_all(&icons).unwrap();
        std::fs::write(icons.join("nha.svg"), svg("")).unwrap();
        std::fs::write(icons.join("outside.svg"), outside).unwrap();
        std::fs::write(icons.join("file.svg"), svg(r#"<image href="nha.svg" width="9" height="9"/>"#))
            .unwrap();
        std::fs::write(icons.join("broken.svg"), "<svg").unwrap();
        let layer = dir.join("layers/address_point.toml");
        let text = std::fs::read_to_string(&layer).unwrap();
        std::fs::write(&layer, text.replacen("[style]", "[style]\nicon = \"nha\"", 1)).unwrap();
    })
    .await;
    let style = served.json("/styles/portal.json").await;
    assert!(values(&style, "layout", "icon-image").contains("nha"));
    let legend = style["metadata"]["kho:legend"].as_array().unwrap();
    let entry = legend.iter().find(|l| l["layer"] == "address_point").unwrap();
    let drawing = served.get(&path(entry["entries"][0]["icon"]["url"].as_str().unwrap())).await;
    assert_eq!((drawing.status, drawing.header("content-type")), (StatusCode::OK, "image/svg+xml"));
    let index = served.json("/styles/sprites/kho.json").await;
    assert!(index["nha"].is_object() && index["lamp"].is_object());
    for name in ["outside", "file", "broken"] {
        assert!(index[name].is_null(), "{name}");
    }
    let asked = listener.accept().map(|(_, from)| from);
    assert_eq!(asked.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
