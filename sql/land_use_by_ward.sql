-- Cơ cấu sử dụng đất theo phường: number and cadastral area (hectares, from dien_tich, the area of record and
-- not of the drawing) of the parcels of each land use in each ward, with the ward's name. Parcels whose ma_xa is
-- no ward that is valid today keep their code and have no name. Only parcels that are valid today.
SELECT
    p.ma_xa, w.ten, p.loai_dat,
    count(*) AS parcels,
    sum(p.dien_tich) / 10000 AS area_ha
FROM land_parcel p
LEFT JOIN (
    SELECT ma_dvhc, max(ten) AS ten
    FROM admin_unit
    WHERE valid_to IS NULL OR valid_to >= current_date()
    GROUP BY ma_dvhc
) w ON w.ma_dvhc = p.ma_xa
WHERE p.valid_to IS NULL OR p.valid_to >= current_date()
GROUP BY p.ma_xa, w.ten, p.loai_dat
