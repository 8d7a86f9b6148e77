-- Thửa đất và khu chức năng quy hoạch: one row for each parcel and each planning zone it shares ground with.
-- area_m2 is the ground shared, share is that part of the parcel (0 to 1), both in the city's VN-2000 zone,
-- so that shares of one plan add up to 1 where the plan covers the parcel. Parcels that only touch a zone's
-- border come out with an area of 0: `WHERE area_m2 > 1` leaves slivers of digitising out. Plans of different
-- levels overlap: filter by ma_ho_so. Only parcels and zones that are valid today.
SELECT
    parcel_id, ma_xa, so_to, so_thua, loai_dat,
    zone_id, ma_ho_so, ma_doi_tuong, ky_hieu, chuc_nang,
    ST_Area(ST_Transform(ST_Intersection(parcel_geometry, zone_geometry), '{crs}')) AS area_m2,
    ST_Area(ST_Transform(ST_Intersection(parcel_geometry, zone_geometry), '{crs}'))
        / ST_Area(ST_Transform(parcel_geometry, '{crs}')) AS share,
    parcel_geometry AS geometry
FROM (
    SELECT
        p.kho_id AS parcel_id, p.ma_xa, p.so_to, p.so_thua, p.loai_dat, p.geometry AS parcel_geometry,
        z.kho_id AS zone_id, z.ma_ho_so, z.ma_doi_tuong, z.ky_hieu, z.chuc_nang, z.geometry AS zone_geometry
    FROM (SELECT * FROM land_parcel WHERE valid_to IS NULL OR valid_to >= current_date()) p
    JOIN (SELECT * FROM planning_zone WHERE valid_to IS NULL OR valid_to >= current_date()) z
        ON ST_Intersects(p.geometry, z.geometry)
)
