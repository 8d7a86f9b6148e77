-- Tình trạng hạ tầng: how many assets of each kind are in which condition. layer names the layer, kind its own
-- classification (lamp type, node type, drain function), assets their number, length_m the length of lines
-- (null for points), oldest the earliest year of building or installation that is known.
SELECT 'drain_pipe' AS layer, chuc_nang AS kind, tinh_trang, count(*) AS assets,
       sum(chieu_dai) AS length_m, min(nam_xd) AS oldest
FROM drain_pipe GROUP BY chuc_nang, tinh_trang
UNION ALL
SELECT 'drain_node', loai, tinh_trang, count(*), CAST(NULL AS DOUBLE), min(nam_xd)
FROM drain_node GROUP BY loai, tinh_trang
UNION ALL
SELECT 'street_light', loai_den, tinh_trang, count(*), CAST(NULL AS DOUBLE),
       CAST(min(date_part('year', ngay_lap)) AS BIGINT)
FROM street_light GROUP BY loai_den, tinh_trang
UNION ALL
SELECT 'lighting_cabinet', 'tu', tinh_trang, count(*), CAST(NULL AS DOUBLE), CAST(NULL AS BIGINT)
FROM lighting_cabinet GROUP BY tinh_trang
