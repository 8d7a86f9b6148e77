//! The answer as a page to read and to print: no script, one sheet a parcel.

use geo_types::{LineString, MultiPolygon};
use kho_layer::{City, Text};

use super::answer::{Answer, Code, Part, Plan};
use super::{Worked, words};
use crate::data::at::At;
use crate::data::filter;
use crate::data::words::amount;
use crate::ogc::html::{escape, table};

/// The pages' style sheet.
pub(super) const CSS: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem;color:#1c2326;background:#fff}\
h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.4rem 0 .3rem}h3{font-size:1rem;margin:1rem 0 .2rem}\
p{margin:.3rem 0}table{border-collapse:collapse;width:100%;margin:.3rem 0}\
td,th{border-bottom:1px solid #d5dbdd;padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top}\
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
.facts{display:flex;gap:1.2rem;flex-wrap:wrap}.facts>div{flex:1 1 16rem}svg{max-width:15rem;max-height:15rem;width:100%}\
.swatch{display:inline-block;width:.9rem;height:.9rem;border:1px solid #0003;vertical-align:-.1rem;margin-right:.35rem}\
.note{border:1px solid #d9b64a;background:#fdf7e3;padding:.5rem .8rem;border-radius:6px}\
.good{border:1px solid #4a9a5b;background:#eaf6ec;padding:.5rem .8rem;border-radius:6px}\
.bad{border:1px solid #b8443a;background:#fbeceb;padding:.5rem .8rem;border-radius:6px}\
small{color:#56636a}code{overflow-wrap:anywhere}footer{border-top:1px solid #d5dbdd;margin-top:1rem;padding-top:.5rem;font-size:.88rem}\
article+article{break-before:page;border-top:2px solid #1c2326;margin-top:2rem}\
@media print{body{max-width:none;padding:0;font-size:11pt}a{color:inherit;text-decoration:none}}";

/// One of two texts.
fn t<'a>(lang: &str, vi: &'a str, en: &'a str) -> &'a str {
    if lang == "en" { en } else { vi }
}

fn number(value: f64, lang: &str) -> String {
    let text = amount(value);
    text.get(lang).to_owned()
}

fn m2(value: f64, lang: &str) -> String {
    format!("{} m²", number(value, lang))
}

fn percent(share: f64, lang: &str) -> String {
    format!("{} %", number((share * 1000.0).round() / 10.0, lang))
}

fn day(iso: &str, lang: &str) -> String {
    match iso.parse::<chrono::NaiveDate>() {
        Ok(date) if lang != "en" => date.format("%d/%m/%Y").to_string(),
        _ => iso.to_owned(),
    }
}

/// A whole page around its main part.
fn frame(city: &City, base: &str, title: &str, main: &str, lang: &str) -> String {
    let name = city.config.name.get(lang);
    let made_up = if city.config.synthetic {
        format!(
            "<p class=\"note\">{}</p>",
            t(lang, "Dữ liệu giả lập, không phải dữ liệu thật.", "Made-up data, not real.")
        )
    } else {
        String::new()
    };
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title} – {name}</title><link rel=\"stylesheet\" href=\"{base}/planning/page.css\"></head>\
         <body><header><small>{name}</small><h1>{title}</h1>{made_up}</header><main>{main}</main></body></html>",
        title = escape(title),
        name = escape(name),
        base = escape(base),
    )
}

/// The answers, a sheet each.
pub(super) fn answers(
    city: &City,
    base: &str,
    at: &At,
    worked: &[Worked],
    count: usize,
    lang: &str,
) -> String {
    let title = t(lang, "Thông tin quy hoạch của thửa đất", "What is planned on the parcel");
    let mut main = String::new();
    if count > 1 {
        let shown = worked.len();
        main += &format!(
            "<p class=\"note\">{}</p>",
            escape(&match lang {
                "en" => format!("{count} parcels match; {shown} are shown. Check ward, sheet and number."),
                _ => format!(
                    "Có {count} thửa đất khớp; hiện {shown} thửa. Hãy kiểm tra phường/xã, số tờ và số thửa."
                ),
            })
        );
    }
    for one in worked {
        main += &format!("<article>{}</article>", sheet(city, base, at, one, lang));
    }
    frame(city, base, title, &main, lang)
}

/// Whether a code is confirmed, with the answer if it is.
pub(super) fn confirmation(
    city: &City,
    base: &str,
    at: &At,
    code: &Code,
    worked: Option<&Worked>,
    lang: &str,
) -> String {
    let title = t(lang, "Kiểm tra mã tra cứu quy hoạch", "Check of a planning answer's code");
    let code = escape(&code.to_string());
    let main = match worked {
        Some(worked) => format!(
            "<p class=\"good\">{} <code>{code}</code></p><article>{}</article>",
            t(
                lang,
                "Đúng: nội dung dưới đây được tính lại từ đúng phiên bản dữ liệu đó và khớp với mã.",
                "Confirmed: the answer below was worked out again from that very snapshot and matches the code."
            ),
            sheet(city, base, at, worked, lang)
        ),
        None => format!(
            "<p class=\"bad\">{} <code>{code}</code></p>",
            t(
                lang,
                "Không khớp: mã này không do hệ thống cấp cho thửa đất và ngày ghi trong mã, hoặc đã bị sửa.",
                "Not confirmed: this code was not given for the parcel and day it names, or was altered."
            )
        ),
    };
    frame(city, base, title, &main, lang)
}

fn sheet(city: &City, base: &str, at: &At, worked: &Worked, lang: &str) -> String {
    let answer = &worked.answer;
    let mut html = facts(city, worked, lang);
    if answer.plans.is_empty() {
        html += &format!(
            "<h2>{}</h2>",
            t(lang, "Chưa tìm thấy đồ án quy hoạch trong dữ liệu", "No plan found in the data")
        );
    }
    for plan in &answer.plans {
        html += &one_plan(city, plan, lang);
    }
    html += &roads(answer, lang);
    if !answer.unknown.is_empty() {
        let said: String =
            answer.unknown.iter().map(|u| format!("<li>{}</li>", escape(u.text(answer).get(lang)))).collect();
        html += &format!(
            "<h2>{}</h2><ul>{said}</ul>",
            t(lang, "Những điều dữ liệu chưa cho biết", "What the data does not say")
        );
    }
    let verify = format!("{base}/planning/verify/{}", worked.code);
    let dates = at
        .catalogue
        .layer("planning_zone")
        .and_then(|layer| layer.delivered)
        .and_then(|delivered| filter::date(filter::day_in_vietnam(delivered)))
        .map(|date| {
            format!(
                "{} {} · ",
                t(lang, "Dữ liệu quy hoạch ngày", "Planning data of"),
                day(&date.to_string(), lang)
            )
        });
    html + &format!(
        "<footer><p class=\"note\">{notice}</p><p>{dates}{snapshot} {number} · {on} {day} · EPSG:{srid}</p>\
         <p>{check} <a href=\"{verify}\"><code>{code}</code></a></p></footer>",
        notice = escape(words::notice().get(lang)),
        dates = escape(&dates.unwrap_or_default()),
        snapshot = t(lang, "Phiên bản dữ liệu", "Snapshot"),
        number = answer.snapshot,
        on = t(lang, "hiệu lực ngày", "valid on"),
        day = day(&answer.day.to_string(), lang),
        srid = answer.srid,
        check = t(lang, "Mã kiểm tra:", "Code to check it by:"),
        verify = escape(&verify),
        code = escape(&worked.code.to_string()),
    )
}

fn facts(city: &City, worked: &Worked, lang: &str) -> String {
    let answer = &worked.answer;
    let parcel = &answer.parcel;
    let shown = |n: Option<i64>| n.map_or_else(|| "–".to_owned(), |n| n.to_string());
    let used = words::title(city, "land_parcel", "loai_dat", parcel.land_use.as_deref());
    let used = used.as_ref().map_or("–", |text| text.get(lang));
    let mut rows = vec![
        [t(lang, "Thửa, tờ", "Parcel, sheet"), &format!("{}, {}", shown(parcel.number), shown(parcel.sheet))]
            .map(escape),
        [t(lang, "Mã phường, xã", "Ward code"), parcel.ward.as_deref().unwrap_or("–")].map(escape),
        [t(lang, "Diện tích tính trên bản đồ", "Area on the map"), &m2(answer.area_m2, lang)].map(escape),
        [t(lang, "Diện tích trên ellipsoid", "Area on the ellipsoid"), &m2(answer.ellipsoid_area_m2, lang)]
            .map(escape),
    ];
    if let Some(registered) = parcel.registered_area_m2 {
        rows.push([t(lang, "Diện tích đăng ký", "Registered area"), &m2(registered, lang)].map(escape));
    }
    rows.push([t(lang, "Loại đất hiện nay", "Land use today"), used].map(escape));
    rows.push(
        [
            t(lang, "Mất vào lộ giới đường quy hoạch", "Lost to planned roads"),
            &m2(answer.lost_to_roads_m2, lang),
        ]
        .map(escape),
    );
    rows.push([t(lang, "Trong khoảng lùi", "Within setbacks"), &m2(answer.in_setback_m2, lang)].map(escape));
    format!(
        "<div class=\"facts\"><div>{}</div><div>{}</div></div>",
        table(&[], rows.into_iter()),
        outline(&worked.overlay.parcel)
    )
}

/// The outline of the parcel, north up.
fn outline(parcel: &MultiPolygon<f64>) -> String {
    use geo::BoundingRect;
    let Some(rect) = parcel.bounding_rect() else { return String::new() };
    let (west, north) = (rect.min().x, rect.max().y);
    let margin = rect.width().max(rect.height()) * 0.05;
    let ring = |ring: &LineString<f64>| {
        let points: Vec<String> =
            ring.coords().map(|c| format!("{:.2} {:.2}", c.x - west, north - c.y)).collect();
        format!("M{}Z", points.join("L"))
    };
    let path: String =
        parcel.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())).map(ring).collect();
    let (w, h) = (rect.width() + 2.0 * margin, rect.height() + 2.0 * margin);
    format!(
        "<svg viewBox=\"{:.2} {:.2} {w:.2} {h:.2}\" role=\"img\"><path d=\"{path}\" fill=\"#f3e3c3\" fill-rule=\"evenodd\" \
         stroke=\"#6b5a3e\" stroke-width=\"2\" vector-effect=\"non-scaling-stroke\"/></svg>",
        -margin, -margin
    )
}

fn one_plan(city: &City, plan: &Plan, lang: &str) -> String {
    let level = words::title(city, "planning_project", "cap_do", plan.level.as_deref());
    let level = level.as_ref().map_or("", |text| text.get(lang));
    let name = plan.name.as_deref().unwrap_or(t(lang, "Đồ án chưa rõ tên", "Plan without a name"));
    let mut html = format!("<h2>{}</h2>", escape(name));
    let decision = plan.decision.as_deref().map(|number| match plan.decision_date.as_deref() {
        Some(date) => format!("{} {number}, {}", t(lang, "Quyết định", "Decision"), day(date, lang)),
        None => format!("{} {number}", t(lang, "Quyết định", "Decision")),
    });
    let said: Vec<String> = [
        Some(level.to_owned()),
        decision,
        plan.authority.clone(),
        plan.status.clone(),
        Some(format!("{} {}", t(lang, "mã hồ sơ", "file"), plan.code)),
    ]
    .into_iter()
    .flatten()
    .filter(|s| !s.is_empty())
    .collect();
    html += &format!("<p><small>{}</small></p>", escape(&said.join(" · ")));
    if plan.zones.is_empty() {
        return html;
    }
    let mut rows: Vec<String> = plan.zones.iter().map(|zone| zone_row(city, zone, lang)).collect();
    if plan.without_zone_m2 > 0.0 {
        rows.push(format!(
            "<tr><td>{}</td><td></td><td class=\"n\">{}</td><td class=\"n\"></td></tr>",
            t(lang, "Không nằm trong ô nào", "In no zone"),
            m2(plan.without_zone_m2, lang)
        ));
    }
    html + &format!(
        "<table><thead><tr><th>{}</th><th>{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th></tr></thead><tbody>{}</tbody></table>",
        t(lang, "Chức năng", "Function"),
        t(lang, "Chỉ tiêu", "Indicators"),
        t(lang, "Diện tích", "Area"),
        t(lang, "Tỷ lệ", "Share"),
        rows.concat()
    )
}

fn zone_row(city: &City, zone: &Part, lang: &str) -> String {
    let code = zone.function.as_deref();
    let title = words::title(city, "planning_zone", "chuc_nang", code);
    let title = title.as_ref().map_or(t(lang, "chưa rõ", "not known"), |text: &Text| text.get(lang));
    let color =
        code.and_then(|code| words::entry(city, "planning_zone", "chuc_nang", code)?.color.as_deref());
    // A style attribute would need a weaker policy; a fill does not.
    let swatch = color.map_or_else(String::new, |color| {
        format!("<svg class=\"swatch\" viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect width=\"1\" height=\"1\" fill=\"{}\"/></svg>", escape(color))
    });
    let rules: Vec<String> = [
        zone.max_floors.map(|n| format!("{} {}", number(n, lang), t(lang, "tầng", "storeys"))),
        zone.density.map(|n| format!("{} {} %", t(lang, "mật độ", "density"), number(n, lang))),
        zone.floor_area_ratio.map(|n| format!("{} {}", t(lang, "hệ số SDĐ", "FAR"), number(n, lang))),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!(
        "<tr><td>{swatch}{} <small>{}</small></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        escape(title),
        escape(zone.symbol.as_deref().unwrap_or_default()),
        escape(&rules.join(" · ")),
        m2(zone.area_m2, lang),
        percent(zone.share, lang)
    )
}

fn roads(answer: &Answer, lang: &str) -> String {
    if answer.roads.is_empty() {
        return String::new();
    }
    let rows: String = answer
        .roads
        .iter()
        .map(|road| {
            let name = road.name.as_deref().unwrap_or(t(lang, "Đường chưa rõ tên", "Road without a name"));
            let setback = road.setback_m.map_or_else(String::new, |m| format!(" + {} m", number(m, lang)));
            format!(
                "<tr><td>{}</td><td>{} m{setback}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                escape(name),
                number(road.right_of_way_m, lang),
                m2(road.area_m2, lang),
                m2(road.setback_m2, lang)
            )
        })
        .collect();
    format!(
        "<h2>{}</h2><table><thead><tr><th>{}</th><th>{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th></tr></thead><tbody>{rows}</tbody></table>",
        t(lang, "Đường quy hoạch", "Planned roads"),
        t(lang, "Tên", "Name"),
        t(lang, "Lộ giới + khoảng lùi", "Right of way + setback"),
        t(lang, "Mất", "Lost"),
        t(lang, "Khoảng lùi", "Setback")
    )
}
