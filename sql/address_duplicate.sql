-- Địa chỉ trùng: house numbers that stand more than once on the same street and alley of a ward. times is how
-- often, spread_m how far the points lie apart (metres, diagonal of their extent): near 0 is a double entry, more
-- is a numbering to be put right.
SELECT
    ma_xa, duong, hem, so_nha,
    count(*) AS times,
    sqrt(
        power((max(ST_X(geometry)) - min(ST_X(geometry))) * 111320 * cos(radians(avg(ST_Y(geometry)))), 2)
        + power((max(ST_Y(geometry)) - min(ST_Y(geometry))) * 110574, 2)
    ) AS spread_m
FROM address_point
GROUP BY ma_xa, duong, hem, so_nha
HAVING count(*) > 1
