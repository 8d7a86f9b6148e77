//! An answer with titles, colours and sentences: for programs that show it, and for the page.

use kho_layer::{City, CodeEntry, Text};
use serde_json::{Value, json};

use super::answer::{Answer, Plan, Unknown};
use crate::data::words::amount;

/// That an answer is information and no certificate.
pub(super) fn notice() -> Text {
    Text::new(
        "Thông tin tra cứu từ dữ liệu đã công bố, chỉ để tham khảo, không thay thế văn bản xác nhận của cơ quan có thẩm quyền. \
         Không tìm thấy quy hoạch không có nghĩa là thửa đất không bị hạn chế.",
        "Information from published data, for reference only; it does not replace a certificate of the competent authority. \
         That no plan was found does not mean that the parcel is free of restrictions.",
    )
}

/// The entry of a code in the list of a layer's column.
pub(super) fn entry<'a>(city: &'a City, layer: &str, column: &str, code: &str) -> Option<&'a CodeEntry> {
    let list = city.layer(layer)?.column(column)?.code_list.as_deref()?;
    city.code_list(list)?.entry(code)
}

/// A code's title, or the code itself.
pub(super) fn title(city: &City, layer: &str, column: &str, code: Option<&str>) -> Option<Text> {
    let code = code?;
    Some(entry(city, layer, column, code).map_or_else(|| Text::new(code, code), |e| e.title.clone()))
}

/// The facts, with what people need beside them.
pub(super) fn present(city: &City, answer: &Answer) -> Result<Value, serde_json::Error> {
    let mut body = serde_json::to_value(answer)?;
    body["parcel"]["land_use_title"] =
        json!(title(city, "land_parcel", "loai_dat", answer.parcel.land_use.as_deref()));
    for (plan, facts) in body["plans"].as_array_mut().into_iter().flatten().zip(&answer.plans) {
        plan["level_title"] = json!(title(city, "planning_project", "cap_do", facts.level.as_deref()));
        for (zone, part) in plan["zones"].as_array_mut().into_iter().flatten().zip(&facts.zones) {
            let function = part.function.as_deref();
            zone["title"] = json!(title(city, "planning_zone", "chuc_nang", function));
            zone["color"] = json!(
                function.and_then(|code| entry(city, "planning_zone", "chuc_nang", code)?.color.clone())
            );
        }
    }
    for (said, unknown) in body["unknown"].as_array_mut().into_iter().flatten().zip(&answer.unknown) {
        said["text"] = json!(unknown.text(answer));
    }
    body["land_use_against_plan"] = against_plan(city, answer);
    Ok(body)
}

/// Today's use beside what the most detailed plan that has zones there foresees. Whether one allows the
/// other is for the authority to say: no list of the two codes' correspondence has legal force.
fn against_plan(city: &City, answer: &Answer) -> Value {
    let plan = answer.plans.iter().find(|plan| !plan.zones.is_empty());
    json!({
        "today": title(city, "land_parcel", "loai_dat", answer.parcel.land_use.as_deref()),
        "plan": plan.map(|plan| &plan.code),
        "planned": plan.map(by_function).unwrap_or_default().into_iter().map(|(function, area, share)| json!({
            "function": function,
            "title": title(city, "planning_zone", "chuc_nang", function),
            "area_m2": area,
            "share": share,
        })).collect::<Vec<_>>(),
    })
}

/// m² and share of each function of a plan, largest first.
pub(super) fn by_function(plan: &Plan) -> Vec<(Option<&str>, f64, f64)> {
    let mut sums: Vec<(Option<&str>, f64, f64)> = Vec::new();
    for zone in &plan.zones {
        let function = zone.function.as_deref();
        match sums.iter_mut().find(|(of, ..)| *of == function) {
            Some((_, area, share)) => {
                *area = super::overlay::tenth(*area + zone.area_m2);
                *share += zone.share;
            }
            None => sums.push((function, zone.area_m2, zone.share)),
        }
    }
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    sums
}

impl Unknown {
    /// In a sentence.
    pub(super) fn text(&self, answer: &Answer) -> Text {
        let named = |code: &str| {
            let plan = answer.plans.iter().find(|plan| plan.code == code);
            plan.and_then(|plan| plan.name.clone()).unwrap_or_else(|| code.to_owned())
        };
        let m2 = |area: f64| {
            let text = amount(area);
            (format!("{} m²", text.vi), format!("{} m²", text.en))
        };
        match self {
            Self::NoPlan => Text::new(
                "Không tìm thấy đồ án quy hoạch còn hiệu lực nào phủ lên thửa đất trong dữ liệu. Điều đó không có nghĩa là thửa đất không bị hạn chế.",
                "No valid plan that covers the parcel is in the data. That does not mean that the parcel is free of restrictions.",
            ),
            Self::NoData { layer } => Text::new(
                format!("Chưa có dữ liệu của lớp {layer}."),
                format!("Nothing has been delivered yet for layer {layer}."),
            ),
            Self::NoZones { plan } => Text::new(
                format!("Chưa có các ô quy hoạch của đồ án “{}” tại thửa đất.", named(plan)),
                format!("The zones of the plan “{}” are not in the data here.", named(plan)),
            ),
            Self::WithoutZone { plan, area_m2 } => {
                let (vi, en) = m2(*area_m2);
                Text::new(
                    format!("{vi} của thửa đất không nằm trong ô nào của đồ án “{}”.", named(plan)),
                    format!("{en} of the parcel are in no zone of the plan “{}”.", named(plan)),
                )
            }
            Self::Overlapping { plan, area_m2 } => {
                let (vi, en) = m2(*area_m2);
                Text::new(
                    format!(
                        "Các ô của đồ án “{}” chồng lấn nhau {vi} trên thửa đất, nên tổng diện tích lớn hơn thửa đất.",
                        named(plan)
                    ),
                    format!(
                        "Zones of the plan “{}” overlap by {en} on the parcel, so that their areas add up to more.",
                        named(plan)
                    ),
                )
            }
            Self::NoDecision { plan } => Text::new(
                format!("Dữ liệu không ghi số hoặc ngày quyết định của đồ án “{}”.", named(plan)),
                format!(
                    "The number or the date of the decision on the plan “{}” is not recorded.",
                    named(plan)
                ),
            ),
            Self::NoIndicators { plan } => Text::new(
                format!(
                    "Có ô của đồ án “{}” chưa ghi chức năng, tầng cao, mật độ hoặc hệ số sử dụng đất.",
                    named(plan)
                ),
                format!(
                    "Some zone of the plan “{}” lacks its function, height, density or floor-area ratio.",
                    named(plan)
                ),
            ),
            Self::RoadsWithoutWidth { count } => Text::new(
                format!(
                    "{count} đường quy hoạch gần thửa đất chưa ghi lộ giới, nên chưa tính được phần đất bị lấy."
                ),
                format!(
                    "{count} planned roads near the parcel have no recorded width, so what they take is not known."
                ),
            ),
            Self::AreaDiffers { registered_m2 } => {
                let ((vi, en), (map_vi, map_en)) = (m2(*registered_m2), m2(answer.area_m2));
                Text::new(
                    format!("Diện tích đăng ký ({vi}) khác diện tích tính trên bản đồ ({map_vi})."),
                    format!("The registered area ({en}) differs from that on the map ({map_en})."),
                )
            }
            Self::ParcelNotValid => Text::new(
                "Thửa đất này không còn (hoặc chưa) có hiệu lực vào ngày tra cứu.",
                "The parcel is not valid on the day asked about.",
            ),
        }
    }
}
