-- Tải của tủ chiếu sáng: the lamps on each cabinet and what they draw against what the cabinet can carry.
-- lamps_kw is the sum of the lamps' nominal power, load its ratio to cong_suat_kw (above 1: overloaded on paper),
-- circuits the number of circuits in use. Cabinets without a lamp are there with 0.
SELECT
    c.kho_id, c.ma_tu, c.ten, c.tinh_trang, c.cong_suat_kw,
    coalesce(l.lamps, 0) AS lamps,
    coalesce(l.circuits, 0) AS circuits,
    coalesce(l.lamps_kw, 0) AS lamps_kw,
    coalesce(l.lamps_kw, 0) / nullif(c.cong_suat_kw, 0) AS load,
    c.geometry
FROM lighting_cabinet c
LEFT JOIN (
    SELECT ma_tu, count(*) AS lamps, count(DISTINCT lo) AS circuits, sum(cong_suat) / 1000.0 AS lamps_kw
    FROM street_light GROUP BY ma_tu
) l ON l.ma_tu = c.ma_tu
