-- Quy hoạch theo phường: how much ground each planning function takes in each ward, from the zones that are
-- valid today cut by the ward's border. area_ha in hectares, in the city's VN-2000 zone. zones counts the zones
-- that meet the ward, those that only touch its border among them.
SELECT
    ma_dvhc, ten, ma_ho_so, chuc_nang,
    count(*) AS zones,
    sum(ST_Area(ST_Transform(ST_Intersection(zone_geometry, ward_geometry), '{crs}'))) / 10000 AS area_ha
FROM (
    SELECT
        w.ma_dvhc, w.ten, w.geometry AS ward_geometry,
        z.ma_ho_so, z.chuc_nang, z.geometry AS zone_geometry
    FROM (SELECT * FROM planning_zone WHERE valid_to IS NULL OR valid_to >= current_date()) z
    JOIN (SELECT * FROM admin_unit WHERE valid_to IS NULL OR valid_to >= current_date()) w
        ON ST_Intersects(z.geometry, w.geometry)
)
GROUP BY ma_dvhc, ten, ma_ho_so, chuc_nang
