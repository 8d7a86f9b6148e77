// A handful of made-up blocks by a made-up sea, for working on the pages without a warehouse. Nothing here is shipped.

const CENTER = [109.1925, 12.2445];
const TURN = (8 * Math.PI) / 180;
const M_LAT = 110_620;
const M_LON = 111_320 * Math.cos((CENTER[1] * Math.PI) / 180);

/** Metres along and across the streets → longitude, latitude. */
const at = (u, v) => {
  const x = u * Math.cos(TURN) + v * Math.sin(TURN);
  const y = -u * Math.sin(TURN) + v * Math.cos(TURN);
  return [CENTER[0] + x / M_LON, CENTER[1] + y / M_LAT];
};

let seed = 7;
const random = () => {
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
};
const pick = (list) => list[Math.floor(random() * list.length)];

const coast = (v) => 880 + 90 * Math.sin(v / 620);
const river = (u) => 1080 + 70 * Math.sin(u / 400);

const rect = (u0, v0, u1, v1) => ({
  type: "Polygon",
  coordinates: [[at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1), at(u0, v0)]],
});
const path = (points) => ({ type: "LineString", coordinates: points.map(([u, v]) => at(u, v)) });

export function makeCity() {
  const layers = {};
  let next = 4_503_599_627_370_000; // as wide as the real ids
  const add = (layer, geometry, properties) => {
    const feature = { type: "Feature", id: next++, geometry, properties };
    (layers[layer] ??= []).push(feature);
    return feature;
  };

  const shore = Array.from({ length: 61 }, (_, i) => -3000 + i * 100).map((v) => at(coast(v), v));
  add("water_body", { type: "Polygon", coordinates: [[...shore, at(30_000, 3000), at(30_000, -3000), shore[0]]] }, { ma: "B1", ten: "Vịnh Nha Trang", loai: "bien" });
  const bank = Array.from({ length: 51 }, (_, i) => -4000 + i * 98);
  const clipped = bank.filter((u) => u < 880);
  add("water_body", { type: "Polygon", coordinates: [[...clipped.map((u) => at(u, river(u))), ...clipped.toReversed().map((u) => at(u, river(u) + 110)), at(clipped[0], river(clipped[0]))]] }, { ma: "S1", ten: "Sông Cái", loai: "song" });

  const wards = [
    ["22366", "Phường Nha Trang", -600, -1300, 900, 300],
    ["22333", "Phường Bắc Nha Trang", -1500, 300, 900, 2200],
    ["22390", "Phường Tây Nha Trang", -2600, -1300, -600, 300],
    ["22402", "Phường Nam Nha Trang", -2000, -2800, 900, -1300],
  ].map(([code, ten, u0, v0, u1, v1]) => {
    add("admin_unit", rect(u0, v0, u1, v1), { ma_dvhc: code, ten, loai: "phường", cap: "xã", valid_from: "2025-07-01" });
    return { code, name: ten, box: [u0, v0, u1, v1], counts: { land_parcel: 0, street_light: 0, drain_node: 0, address_point: 0 } };
  });
  add("admin_unit", rect(-600, -600, 300, 300), { ma_dvhc: "22366", ten: "Phường cũ", loai: "phường", cap: "xã", valid_from: "2010-01-01", valid_to: "2024-10-31" });
  const wardAt = (u, v) => wards.find(({ box }) => u >= box[0] && u < box[2] && v >= box[1] && v < box[3]) ?? wards[0];

  const projects = [
    { ma_ho_so: "56QHC2024001", ten: "Điều chỉnh quy hoạch chung thành phố đến năm 2040", cap_do: "QHC", so_quyet_dinh: "318/QĐ-TTg", ngay_quyet_dinh: "2024-04-15", box: [-1400, -1250, 900, 1000] },
    { ma_ho_so: "56QPK2025014", ten: "Quy hoạch phân khu khu trung tâm ven biển", cap_do: "QPK", so_quyet_dinh: "1204/QĐ-UBND", ngay_quyet_dinh: "2025-06-30", box: [100, -700, 900, 500] },
  ];
  for (const { box, ...p } of projects) add("planning_project", rect(...box), { ...p, trang_thai: "đã duyệt", valid_from: p.ngay_quyet_dinh });

  const parcels = [];
  const zones = [];
  const W = 128, H = 46, SMALL = 9, BIG = 20;
  const names = ["Trần Phú", "Hùng Vương", "Nguyễn Thiện Thuật", "Bạch Đằng", "Lê Thánh Tôn", "Yersin", "Quang Trung", "Ngô Gia Tự", "Hoàng Hoa Thám", "Thống Nhất", "Phan Bội Châu", "Hai Bà Trưng"];
  const us = [], vs = [];
  for (let u = -1300, i = 0; u < 860; i++) { us.push(u); u += W + (i % 4 === 0 ? BIG : SMALL); }
  for (let v = -1200, i = 0; v < 1000; i++) { vs.push(v); v += H + (i % 5 === 0 ? BIG : SMALL); }

  vs.forEach((v, j) => {
    const big = j % 5 === 1, y = v - (big ? BIG : SMALL) / 2, end = coast(y) - 40;
    const kind = big ? "khu_vuc" : j % 2 ? "noi_bo" : "hem";
    add("road", path([[-1320, y], [end, y]]), { ma_duong: `N${j}`, ten: names[j % names.length], loai: kind, be_rong: big ? 14 : 5 });
    if (big) {
      for (let u = -1300; u < end - 120; u += 120) {
        add("drain_pipe", path([[u, y - 3], [u + 120, y - 3]]), { ma_tuyen: `C${j}-${u}`, chuc_nang: pick(["mua", "chung", "chung", "thai"]), duong_kinh: pick([600, 800, 1000]), chieu_dai: 120, do_doc: 2.5, vat_lieu: "BTCT", tinh_trang: "tot" });
        add("drain_node", { type: "Point", coordinates: at(u, y - 3) }, { ma_nut: `G${j}-${u}`, loai: "ho_ga", cao_do_nap: 3.12, cao_do_day: 1.4, do_sau: 1.72, tinh_trang: pick(["tot", "trung_binh"]) });
        wardAt(u, y).counts.drain_node++;
      }
      add("drain_node", { type: "Point", coordinates: at(end + 20, y - 3) }, { ma_nut: `X${j}`, loai: "cua_xa", cao_do_nap: 1.2, cao_do_day: -0.2, do_sau: 1.4, tinh_trang: "tot" });
      add("lighting_cabinet", { type: "Point", coordinates: at(pick(us), y + 8) }, { ma_tu: `T${j}`, ten: `Tủ ${j}`, cong_suat_kw: 12.5, so_lo: 4, tinh_trang: "tot" });
      for (let u = -1290; u < end; u += 32) {
        add("street_light", { type: "Point", coordinates: at(u, y + 6) }, { ma_den: `D${j}-${u}`, ma_tu: `T${j}`, lo: "1", pha: "A", loai_den: pick(["led", "led", "sodium"]), cong_suat: 120, do_cao: 9, tinh_trang: pick(["tot", "tot", "tot", "trung_binh", "hu_hong"]) });
        wardAt(u, y).counts.street_light++;
      }
    }
  });
  us.forEach((u, i) => {
    const big = i % 4 === 1, x = u - (big ? BIG : SMALL) / 2;
    add("road", path([[x, -1210], [x, 990]]), { ma_duong: `E${i}`, ten: names[(i * 5 + 3) % names.length], loai: big ? "truc_chinh" : "noi_bo", be_rong: big ? 18 : 6 });
  });
  add("road", path(Array.from({ length: 40 }, (_, i) => [coast(-1300 + i * 60) - 30, -1300 + i * 60])), { ma_duong: "TP", ten: "Trần Phú", loai: "quoc_lo", be_rong: 26 });
  add("planning_road", path([[-1300, -300], [coast(-300) - 40, -280]]), { ma_doi_tuong: "QHD1", ma_ho_so: projects[0].ma_ho_so, ten: "Đường quy hoạch số 4", lo_gioi: 40, cap_duong: "chính khu vực" });

  const uses = ["OHT", "OHT", "OHT", "OHT", "OM", "HH", "TMDV", "DL", "CX", "GD", "CQ", "YT", "TG"];
  us.forEach((u0, i) => vs.forEach((v0, j) => {
    const u1 = u0 + W, v1 = v0 + H;
    if (u1 > coast(v0) - 45) return;
    if (Math.abs(v0 + H / 2 - river((u0 + u1) / 2) - 55) < 110) return;
    const ward = wardAt((u0 + u1) / 2, (v0 + v1) / 2);
    const central = u0 > 100 && v0 > -700 && v0 < 500;
    const park = random() < 0.05;
    if (!park) {
      const sheet = i * 4 + Math.floor(j / 6) + 1;
      let n = j * 60;
      for (const [a, b] of [[v0, v0 + H / 2], [v0 + H / 2, v1]]) {
        for (let u = u0; u < u1 - 2; ) {
          let w = pick([4, 4.5, 5, 5, 6, 8, 11]);
          if (u + w > u1 - 4) w = u1 - u;
          const f = add("land_parcel", rect(u, a, u + w, b), { ma_xa: ward.code, so_to: sheet, so_thua: ++n, dien_tich: Math.round(w * (b - a) * 10) / 10, loai_dat: random() < 0.9 ? "ODT" : pick(["TMD", "DGD", "CLN", "TSC"]), valid_from: "2019-03-14" });
          parcels.push({ feature: f, box: [u, a, u + w, b] });
          ward.counts.land_parcel++;
          if (random() < 0.3) {
            const so = Math.ceil(random() * 300), duong = names[j % names.length];
            add("address_point", { type: "Point", coordinates: at(u + w / 2, a + 4) }, { ma_dia_chi: `A${f.id}`, so_nha: String(so), duong, ten_phuong: ward.name, ma_xa: ward.code, dia_chi_day_du: `${so} ${duong}, ${ward.name}` });
            ward.counts.address_point++;
          }
          u += w;
        }
      }
    }
    if (random() < 0.07) return; // no plan in the data
    const project = projects[central ? 1 : 0];
    const cut = u0 + W * (0.3 + 0.4 * random());
    const parts = park ? [[u0, u1, "CX"]] : random() < 0.55 ? [[u0, u1, pick(uses)]] : [[u0, cut, pick(uses)], [cut, u1, pick(uses)]];
    for (const [a, b, use] of parts) {
      const f = add("planning_zone", rect(a, v0, b, v1), { ma_doi_tuong: `Z${i}-${j}-${Math.round(a)}`, ma_ho_so: project.ma_ho_so, ky_hieu: `${use}-${i}.${j}`, chuc_nang: use, tang_cao_max: pick([3, 5, 9, 25]), mat_do_xd: pick([40, 60, 80]), he_so_sdd: 3.2, dien_tich: Math.round((b - a) * H), valid_from: project.ngay_quyet_dinh });
      zones.push({ feature: f, box: [a, v0, b, v1], project });
    }
  }));

  const planning = (id) => {
    const parcel = parcels.find((p) => p.feature.id === id);
    if (!parcel) return undefined;
    const [a, b, c, d] = parcel.box;
    const total = (c - a) * (d - b);
    const hits = zones
      .map((z) => ({ z, m2: Math.max(0, Math.min(c, z.box[2]) - Math.max(a, z.box[0])) * Math.max(0, Math.min(d, z.box[3]) - Math.max(b, z.box[1])) }))
      .filter(({ m2 }) => m2 > 0.01);
    return {
      parcel: parcel.feature.properties, area_m2: total, hits,
      projects: projects.filter((p) => hits.some(({ z }) => z.project === p)).map((p) => ({
        code: p.ma_ho_so, name: p.ten, level: p.cap_do, decision: p.so_quyet_dinh, decision_date: p.ngay_quyet_dinh, share: 1,
        zones: hits.filter(({ z }) => z.project === p).map(({ z, m2 }) => ({ id: z.feature.id, function: z.feature.properties.chuc_nang, symbol: z.feature.properties.ky_hieu, max_floors: z.feature.properties.tang_cao_max, density: z.feature.properties.mat_do_xd, floor_area_ratio: 3.2, area_m2: m2, share: m2 / total })),
      })),
    };
  };
  return { layers, wards: wards.map(({ box: _, ...w }) => w), planning, center: CENTER };
}
